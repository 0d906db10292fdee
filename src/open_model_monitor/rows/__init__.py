"""rows — items in, batches out.

In:   what capture read: a CapturedData, a CSV line, a JSON value, a Parquet row.
Out:  Batch, at most some thousand rows each, columns named.
Pure: payloads, convert, lint, batches.  Not pure: scripts runs the users' code.
"""
