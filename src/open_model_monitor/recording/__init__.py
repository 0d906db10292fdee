"""recording — predictions in, capture files out.

In:   requests and answers of a model, seen by a middleware, a decorator, a call, or a logger's CloudEvents.
Out:  captures in SageMaker's format and folders, on disk or in an object store, without ever slowing a prediction.
"""
