"""Who saw, heard, took out or passed on a citizen's data; what the histories tell of it so far."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
TABLES = ("accesses", "access_cases")
REFUSE = """
CREATE FUNCTION accesses_are_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'the log of accesses is append-only'; END $$ LANGUAGE plpgsql
"""
TRIGGER = {
    "sqlite": (
        "CREATE TRIGGER {table}_no_{what} BEFORE {what} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the log of accesses is append-only'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER {table}_no_{what} BEFORE {what} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION accesses_are_append_only()"
    ),
}
# What was written into the histories before there was this log.
SO_FAR = """
INSERT INTO accesses (kind, at, actor, role, department, case_id, detail)
SELECT CASE history.action WHEN 'played' THEN 'played' ELSE 'revealed' END,
       history.at, history.actor, COALESCE(agents.role, 'system'), agents.department,
       history.case_id, history.detail
FROM history
LEFT JOIN agents ON history.actor = 'agent:' || agents.id
WHERE history.action IN ('played', 'revealed_number')
ORDER BY history.id
"""


def upgrade() -> None:
    op.create_table(
        "accesses",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=True),
        sa.Column("case_id", ID, nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_accesses_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_accesses"),
    )
    op.create_index("ix_accesses_case_id", "accesses", ["case_id", "at"])
    op.create_index("ix_accesses_actor", "accesses", ["actor", "at"])
    op.create_index("ix_accesses_at", "accesses", ["at"])
    op.create_table(
        "access_cases",
        sa.Column("case_id", ID, autoincrement=False, nullable=False),
        sa.Column("access_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_access_cases_case_id"),
        sa.ForeignKeyConstraint(["access_id"], ["accesses.id"], name="fk_access_cases_access_id"),
        sa.PrimaryKeyConstraint("case_id", "access_id", name="pk_access_cases"),
    )
    op.create_index("ix_access_cases_access_id", "access_cases", ["access_id"])
    op.execute(SO_FAR)
    _append_only()


def _append_only() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(REFUSE)
    for table in TABLES:
        for what in ("UPDATE", "DELETE"):
            op.execute(TRIGGER[dialect].format(table=table, what=what))


def downgrade() -> None:
    op.drop_table("access_cases")
    op.drop_table("accesses")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION accesses_are_append_only()")
