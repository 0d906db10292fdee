"""The steps of the database's schema, for Alembic.

In:   a database of any earlier version, or an empty one.
Out:  a database of this version. Every step runs on SQLite and PostgreSQL.
"""
