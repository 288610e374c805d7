"""The topic of each month 每月一題: which problem it is, why, and which department leads."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
STANDS = sa.text("undone_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "monthly_topics",
        sa.Column("id", ID, nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("category", sa.String(64), nullable=True),
        sa.Column("hazard", sa.String(32), nullable=False),
        sa.Column("district", sa.String(64), nullable=False),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("department", sa.String(32), nullable=False),
        sa.Column("chosen_by", sa.String(64), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(64), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_monthly_topics"),
    )
    op.create_index(
        "uq_monthly_topics_stands",
        "monthly_topics",
        ["month"],
        unique=True,
        sqlite_where=STANDS,
        postgresql_where=STANDS,
    )


def downgrade() -> None:
    op.drop_table("monthly_topics")
