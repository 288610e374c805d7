"""The desk: who has a case in hand, who looks at it, how each person likes to work."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
AT_THE_DESK = sa.text("stopped_at IS NULL AND kind = 'dispatch'")


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("case_id", ID, autoincrement=False, nullable=False),
        sa.Column("agent_id", ID, nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_leases_case_id"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_leases_agent_id"),
        sa.PrimaryKeyConstraint("case_id", name="pk_leases"),
    )
    op.create_index("ix_leases_agent_id", "leases", ["agent_id"])
    op.create_table(
        "looks",
        sa.Column("case_id", ID, autoincrement=False, nullable=False),
        sa.Column("agent_id", ID, autoincrement=False, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_looks_case_id"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_looks_agent_id"),
        sa.PrimaryKeyConstraint("case_id", "agent_id", name="pk_looks"),
    )
    op.create_index("ix_looks_agent_id", "looks", ["agent_id"])
    op.create_index(
        "ix_clocks_dispatch",
        "clocks",
        ["due_at", "case_id"],
        sqlite_where=AT_THE_DESK,
        postgresql_where=AT_THE_DESK,
    )
    op.add_column(
        "agents", sa.Column("preferences", JSON, nullable=False, server_default=sa.text("'{}'"))
    )


def downgrade() -> None:
    op.drop_column("agents", "preferences")
    op.drop_index("ix_clocks_dispatch", "clocks")
    op.drop_table("looks")
    op.drop_table("leases")
