"""The operations of the API, by noun.

In:   a request that `shapes.py` found well-formed, and the context of the call: caller, time, an open transaction.
Out:  the response as a dictionary; what cannot be done raises an ApiError. Nothing here touches files or the network.
"""
