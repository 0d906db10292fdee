"""moving — a SageMaker account in, the same monitors here out; and proof that both say the same.

In:   schedules, definitions, endpoints, baselines and scripts of an account (or of a saved export); recorded reports.
Out:  the same in a folder or on a server, with what needs a decision; agreement of documents, number by number.
Pure: agreement, equality; plan but for what it imports.
"""
