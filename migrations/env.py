"""Alembic's entry: our tables, and the database the settings name."""

from alembic import context

from cases import agents, calls, case, history, recordings, signins, transcripts  # noqa: F401
from cases.record import Record
from runtime import database
from runtime.settings import Settings

engine = database.engine(Settings.load().database_url)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Record.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
