"""server — one listener that speaks as AWS does, and who may be heard by it.

In:   HTTP requests as clients of AWS send them.
Out:  HTTP responses; calls of the control plane's one door and of the stand-ins.
Pure: messages, protocols, signatures.  Not pure: app listens, stand-ins keep what they are told.
"""
