"""jobs — the description of a run, and doing it.

In:   a Job: source, window, baseline, scripts, output.
Out:  a Report, delivered: documents, metric files, log, exit message.
Pure: contract.  Not pure: workspace, sandbox and run touch files and processes.
"""
