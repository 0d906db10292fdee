"""capture — what endpoints and batch jobs left behind in, items out.

In:   an address, a format, a window.
Out:  parts, and per part the items a handler or the default conversion takes: a CapturedData, a CSV line,
      a JSON value, a Parquet row; each with its origin.
Pure: record.  Not pure: layout and formats read storage.
"""
