"""pages — what people see of the server in a browser: server-rendered, no network besides.

In:   a visit: who looks, at which address, with which form; what `control/` tells, documents of results.
Out:  HTML (and JSON beside it), under a strict Content-Security-Policy; changes go through `Service.call`.
"""
