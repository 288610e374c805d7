"""What admins changed, the second factor of a sign-in, and what the audit looks up."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
REFUSE = """
CREATE FUNCTION admin_history_is_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'admin_history is append-only'; END $$ LANGUAGE plpgsql
"""
TRIGGER = {
    "sqlite": (
        "CREATE TRIGGER admin_history_no_{what} BEFORE {what} ON admin_history "
        "BEGIN SELECT RAISE(ABORT, 'admin_history is append-only'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER admin_history_no_{what} BEFORE {what} ON admin_history "
        "FOR EACH ROW EXECUTE FUNCTION admin_history_is_append_only()"
    ),
}


def upgrade() -> None:
    _admin_history()
    _second_factors()
    op.create_index("ix_signins_began_at", "signins", ["began_at"])


def _admin_history() -> None:
    op.create_table(
        "admin_history",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin_history"),
    )
    op.create_index("ix_admin_history_at", "admin_history", ["at"])
    op.create_index("ix_admin_history_about", "admin_history", ["about"])
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(REFUSE)
    for what in ("UPDATE", "DELETE"):
        op.execute(TRIGGER[dialect].format(what=what))


def _second_factors() -> None:
    op.create_table(
        "second_factors",
        sa.Column("agent_id", ID, autoincrement=False, nullable=False),
        sa.Column("secret_sealed", sa.String(), nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("last_step", ID, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_second_factors_agent_id"),
        sa.PrimaryKeyConstraint("agent_id", name="pk_second_factors"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("agent_id", ID, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_recovery_codes_agent_id"),
        sa.PrimaryKeyConstraint("agent_id", "digest", name="pk_recovery_codes"),
    )


def downgrade() -> None:
    op.drop_index("ix_signins_began_at", "signins")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
    op.drop_table("admin_history")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION admin_history_is_append_only()")
