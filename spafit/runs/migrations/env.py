"""Alembic's entry: runs the migrations on the connection that `spafit.runs.database` hands over, in its transaction."""

from alembic import context

from spafit.runs.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter most things about a column
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
