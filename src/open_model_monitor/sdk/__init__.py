"""sdk — the names of `sagemaker.model_monitor`, without SageMaker.

In:   calls as notebooks and pipelines make them.
Out:  requests to the control plane, in this process or on a server; documents as objects that show themselves.

`from open_model_monitor import DefaultModelMonitor, …` gives them all.
"""
