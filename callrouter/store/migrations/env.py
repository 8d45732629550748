"""Run by alembic for each upgrade; the connection comes from `callrouter.store.migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
