"""Alembic's entry: our tables, and the database the settings name."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from cases import (  # noqa: F401
    abuse,
    accesses,
    admin_history,
    agents,
    alerts,
    api_keys,
    articles,
    asked,
    callers,
    calls,
    case,
    clocks,
    clusters,
    deliveries,
    duty,
    editions,
    exclusions,
    followups,
    hazard_duty,
    history,
    kiosks,
    leases,
    links,
    models,
    notices,
    outgoing,
    readings,
    recordings,
    reply_templates,
    routing,
    search,
    second_factor,
    signins,
    stations,
    task_forces,
    tasks,
    topics,
    transcripts,
    views,
    whistles,
)
from cases.record import Record, UtcDateTime
from runtime import database
from runtime.settings import Settings


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """A migration must not change when our code does, so it names the database's own types."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def is_described(_object: Any, name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:
    """Whether our tables describe it; how each database looks words up, they do not (`search.LOOK_UP`)."""
    return not (name or "").startswith(("search_words", "ix_search_texts_words"))


engine = database.engine(Settings.load().database_url)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Record.metadata,
        render_as_batch=True,
        render_item=render_item,
        include_object=is_described,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
