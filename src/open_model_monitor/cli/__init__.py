"""The command line `omm`.

In: words and options of a person, or the environment of a container.
Out: a screen, or one JSON document; an exit code.
"""
