"""profile — batches in, mergeable states out.

In:   Batch, columns of some thousand rows.
Out:  DatasetProfile, a value that can be added to another of its kind, packed and unpacked.
Pure throughout.
"""
