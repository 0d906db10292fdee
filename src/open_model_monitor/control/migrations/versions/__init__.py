"""One file per step, named by its number.

In:   a database of the version before.
Out:  a database of the next.
"""
