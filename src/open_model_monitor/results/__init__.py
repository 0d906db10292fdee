"""results — what leaves a run.

In:   statistics, constraints, findings, metrics, counts.
Out:  a Report; documents in a folder, swapped into place whole; files by address.
Pure: report.  Not pure: delivery.
"""
