"""What all our tables share: the base class, the column types, and insert-unless-there."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    TypeDecorator,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

# SQLite only counts up by itself in a column of exactly this type.
Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(postgresql.JSONB(), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets time zones, so they are taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Record(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: Json, list[Any]: Json}  # noqa: RUF012


Insert = Callable[[type[Record]], Any]


def prepared(build: Callable[[Insert], Any]) -> Callable[[Session], Any]:
    """A statement built once for each kind of database, and not anew for every caller.

    `build` gets the `insert` of the database at hand, which can say ON CONFLICT; the values are
    given when the statement is executed.
    """

    of_kind = cache(lambda kind: build(partial(_insert, kind)))
    return lambda session: of_kind(session.get_bind().dialect.name)


def insert(session: Session, record: type[Record]) -> Any:
    """An INSERT of the database at hand, for statements executed too seldom to prepare."""
    return _insert(session.get_bind().dialect.name, record)


def _insert(kind: str, record: type[Record]) -> Any:
    dialect = postgresql if kind == "postgresql" else sqlite
    return dialect.insert(record.__table__)
