"""Who is on duty for a hazard, and whom an alert climbs to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hazard_duties",
        sa.Column("id", ID, nullable=False),
        sa.Column("family", sa.String(32), nullable=False),
        sa.Column("agent_id", ID, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_hazard_duties_agent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_hazard_duties"),
        sa.UniqueConstraint("family", "agent_id", name="uq_hazard_duties_family"),
    )
    with op.batch_alter_table("alerts") as alerts:
        alerts.add_column(sa.Column("ladder", JSON, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("alerts") as alerts:
        alerts.drop_column("ladder")
    op.drop_table("hazard_duties")
