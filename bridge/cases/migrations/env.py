"""Alembic's entry: runs on the connection that `open_database` hands over."""

from alembic import context

from bridge.cases.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
