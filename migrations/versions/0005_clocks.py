"""The clocks of a case; what one says cannot be changed"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
CASES = sa.table(
    "cases",
    sa.column("id", ID),
    sa.column("status"),
    sa.column("opened_at", MOMENT),
    sa.column("due_at", MOMENT),
)
CLOCKS = sa.table(
    "clocks",
    *(sa.column(name, ID) for name in ("id", "case_id")),
    *(sa.column(name, sa.String()) for name in ("kind", "grade")),
    *(sa.column(name, MOMENT) for name in ("set_at", "warn_at", "due_at", "third_at")),
)
MARKS = {
    "warned": ("warned_at", "warn_at"),
    "overdue": ("overdue_at", "due_at"),
    "third": ("thirdly_at", "third_at"),
}
FIXED = [
    "case_id",
    "kind",
    "department",
    "grade",
    "span",
    "task_id",
    "extends",
    "set_at",
    "warn_at",
    "due_at",
    "third_at",
]
SQLITE = (
    "CREATE TRIGGER clocks_no_delete BEFORE DELETE ON clocks "
    "BEGIN SELECT RAISE(ABORT, 'clocks are kept'); END",
    f"CREATE TRIGGER clocks_no_change BEFORE UPDATE OF id, {', '.join(FIXED)} ON clocks "
    "BEGIN SELECT RAISE(ABORT, 'clocks are kept'); END",
    "CREATE TRIGGER clocks_no_restart BEFORE UPDATE OF stopped_at, outcome ON clocks "
    "WHEN OLD.stopped_at IS NOT NULL "
    "BEGIN SELECT RAISE(ABORT, 'clocks are kept'); END",
)
POSTGRESQL = (
    f"""
    CREATE FUNCTION clocks_are_kept() RETURNS trigger AS $$
    BEGIN
      IF TG_OP = 'DELETE'
        OR ROW({", ".join(f"OLD.{name}" for name in ("id", *FIXED))})
          IS DISTINCT FROM ROW({", ".join(f"NEW.{name}" for name in ("id", *FIXED))})
        OR (OLD.stopped_at IS NOT NULL
          AND ROW(OLD.stopped_at, OLD.outcome) IS DISTINCT FROM ROW(NEW.stopped_at, NEW.outcome))
      THEN RAISE EXCEPTION 'clocks are kept';
      END IF;
      RETURN NEW;
    END $$ LANGUAGE plpgsql
    """,
    "CREATE TRIGGER clocks_are_kept BEFORE UPDATE OR DELETE ON clocks "
    "FOR EACH ROW EXECUTE FUNCTION clocks_are_kept()",
)


def upgrade() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=True),
        sa.Column("grade", sa.String(length=32), nullable=False),
        sa.Column("span", sa.String(length=8), nullable=True),
        sa.Column("task_id", ID, nullable=True),
        sa.Column("extends", ID, nullable=True),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.Column("warn_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("third_at", MOMENT, nullable=False),
        sa.Column("stopped_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("warned_at", MOMENT, nullable=True),
        sa.Column("overdue_at", MOMENT, nullable=True),
        sa.Column("thirdly_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_clocks_case_id"),
        sa.ForeignKeyConstraint(["extends"], ["clocks.id"], name="fk_clocks_extends"),
        sa.PrimaryKeyConstraint("id", name="pk_clocks"),
    )
    op.create_index("ix_clocks_case_id", "clocks", ["case_id"])
    for mark, (done, at) in MARKS.items():
        waits = sa.text(f"stopped_at IS NULL AND {done} IS NULL")
        op.create_index(
            f"ix_clocks_{mark}", "clocks", [at], sqlite_where=waits, postgresql_where=waits
        )
    _cases_of_before()
    for statement in POSTGRESQL if _is_postgresql() else SQLITE:
        op.execute(statement)


def _cases_of_before() -> None:
    """A case that is open already keeps what its caller was promised, as the clock of its answer, and
    is the desk's to refer by then: until now a department owned a case that nobody had asked it about.
    """
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE cases SET owner = 'desk' WHERE status = 'confirmed'"))
    opened = connection.execute(
        sa.select(CASES.c.id, CASES.c.opened_at, CASES.c.due_at).where(CASES.c.status != "closed")
    )
    rows = [_clock(kind, *case) for case in opened for kind in ("dispatch", "resolve")]
    if rows:
        connection.execute(sa.insert(CLOCKS), rows)


def _clock(kind: str, case_id: int, opened_at: datetime, due_at: datetime) -> dict[str, object]:
    length = due_at - opened_at
    return {
        "case_id": case_id,
        "kind": kind,
        "grade": "ordinary",
        "set_at": opened_at,
        "warn_at": opened_at + 0.75 * length,
        "due_at": due_at,
        "third_at": opened_at + 3 * length,
    }


def downgrade() -> None:
    op.drop_table("clocks")
    if _is_postgresql():
        op.execute("DROP FUNCTION clocks_are_kept()")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
