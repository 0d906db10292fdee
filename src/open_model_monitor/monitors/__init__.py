"""monitors — statistics, constraints, checks: what is decided about data.

In:   states (DatasetProfile), and the documents of a baseline.
Out:  statistics, suggested constraints, findings, notices, metrics.
Pure throughout: no storage, no clock. Each monitor type is one module with the shape of `base.Monitor`.
"""
