"""engines — how many hands.

In:   parts, and a worker that turns one part into bytes.
Out:  the merged bytes.  An engine never sees a monitor, a record or a column.
"""
