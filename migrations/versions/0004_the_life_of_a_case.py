"""The life of a case: whom officers work for, sealed history, referrals, rulings"""

import hashlib
import json
from datetime import UTC

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
OPEN = sa.text("answer IS NULL")
EXACT = 2**53

NO_UPDATE = {
    "sqlite": (
        "CREATE TRIGGER history_no_UPDATE BEFORE UPDATE ON history "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER history_no_UPDATE BEFORE UPDATE ON history "
        "FOR EACH ROW EXECUTE FUNCTION history_is_append_only()"
    ),
}
NO_LONGER = {
    "sqlite": "DROP TRIGGER history_no_UPDATE",
    "postgresql": "DROP TRIGGER history_no_UPDATE ON history",
}
# A case's head goes forward one line at a time, and never away.
HEADS_GROW = {
    "sqlite": [
        "CREATE TRIGGER history_heads_no_DELETE BEFORE DELETE ON history_heads "
        "BEGIN SELECT RAISE(ABORT, 'history_heads only grows'); END",
        "CREATE TRIGGER history_heads_grow BEFORE UPDATE ON history_heads "
        "WHEN NEW.case_id <> OLD.case_id OR NEW.lines <> OLD.lines + 1 "
        "BEGIN SELECT RAISE(ABORT, 'history_heads only grows'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION history_heads_only_grow() RETURNS trigger AS $$ "
        "BEGIN RAISE EXCEPTION 'history_heads only grows'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER history_heads_no_DELETE BEFORE DELETE ON history_heads "
        "FOR EACH ROW EXECUTE FUNCTION history_heads_only_grow()",
        "CREATE TRIGGER history_heads_grow BEFORE UPDATE ON history_heads FOR EACH ROW "
        "WHEN (NEW.case_id <> OLD.case_id OR NEW.lines <> OLD.lines + 1) "
        "EXECUTE FUNCTION history_heads_only_grow()",
    ],
}

HISTORY = sa.table(
    "history",
    sa.column("id", ID),
    sa.column("case_id", ID),
    sa.column("at", MOMENT),
    sa.column("actor", sa.String()),
    sa.column("action", sa.String()),
    sa.column("detail", JSON),
    sa.column("seal", sa.String()),
)
HEADS = sa.table(
    "history_heads", sa.column("case_id", ID), sa.column("seal"), sa.column("lines", sa.Integer())
)


def upgrade() -> None:
    op.add_column("agents", sa.Column("department", sa.String(length=32), nullable=True))
    _seal_history()
    _referrals()
    _rulings()


def _seal_history() -> None:
    op.add_column(
        "history", sa.Column("seal", sa.String(length=64), nullable=False, server_default="")
    )
    op.create_table(
        "history_heads",
        sa.Column("case_id", ID, autoincrement=False, nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_history_heads_case_id"),
        sa.PrimaryKeyConstraint("case_id", name="pk_history_heads"),
    )
    dialect = op.get_bind().dialect.name
    op.execute(NO_LONGER[dialect])
    _seal_what_is_there()
    op.execute(NO_UPDATE[dialect])
    for statement in HEADS_GROW[dialect]:
        op.execute(statement)


def _seal_what_is_there() -> None:
    """Case by case, so that a history of any length fits into memory."""
    connection = op.get_bind()
    cases = connection.execute(sa.text("SELECT id FROM cases ORDER BY id")).scalars().all()
    seal_line = (
        sa.update(HISTORY)
        .where(HISTORY.c.id == sa.bindparam("line"))
        .values(seal=sa.bindparam("s"))
    )
    for case_id in cases:
        lines = connection.execute(
            sa.select(HISTORY).where(HISTORY.c.case_id == case_id).order_by(HISTORY.c.id)
        ).all()
        seal, seals = "", []
        for line in lines:
            seal = _sealed(seal, line)
            seals.append({"line": line.id, "s": seal})
        if seals:
            connection.execute(seal_line, seals)
            connection.execute(
                sa.insert(HEADS).values(case_id=case_id, seal=seal, lines=len(seals))
            )


def _sealed(before: str, line: sa.Row) -> str:
    at = line.at.replace(tzinfo=UTC) if line.at.tzinfo is None else line.at.astimezone(UTC)
    plain = {
        "case_id": line.case_id,
        "at": at.isoformat(timespec="microseconds"),
        "actor": line.actor,
        "action": line.action,
        "detail": line.detail,
    }
    text = json.dumps(_plain(plain), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256((before + text).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    if isinstance(value, int) and abs(value) > EXACT:
        return float(value)
    return value


def _referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("district", sa.String(), nullable=True),
        sa.Column("rule", sa.String(length=64), nullable=True),
        sa.Column("why", JSON, nullable=False),
        sa.Column("silences", sa.SmallInteger(), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("words", sa.String(), nullable=True),
        sa.Column("named", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_referrals_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_referrals"),
    )
    op.create_index("ix_referrals_case_id", "referrals", ["case_id"])
    op.create_index("ix_referrals_returned", "referrals", ["answer", "department", "named"])
    op.create_index(
        "uq_referrals_open",
        "referrals",
        ["case_id", "department"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_referrals_open",
        "referrals",
        ["department"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def _rulings() -> None:
    op.create_table(
        "rulings",
        sa.Column("id", ID, nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rulings"),
    )
    op.create_index("ix_rulings_category", "rulings", ["category"])


def downgrade() -> None:
    op.drop_table("rulings")
    op.drop_table("referrals")
    op.drop_table("history_heads")
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute("DROP FUNCTION history_heads_only_grow()")
    op.drop_column("history", "seal")
    op.drop_column("agents", "department")
