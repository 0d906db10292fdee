"""standins — what other services of AWS answer, for people who have no account.

In:   requests of S3, STS, IAM, SNS, CloudWatch and its Logs, already authenticated.
Out:  answers; objects, roles and messages on this machine's disk, which survive a restart.
Pure: checksums, xml.  Not pure: objects, s3, identity, logs, metrics.
"""
