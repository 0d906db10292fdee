"""What Alembic calls: the steps run on the connection that `migrating` opened."""

from alembic import context

from open_model_monitor.control.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
