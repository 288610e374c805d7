"""What was understood of cases, what they add up to, and the alerts that were raised of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "readings",
        sa.Column("case_id", ID, sa.ForeignKey("cases.id"), primary_key=True, nullable=False),
        sa.Column("of", sa.String(64), nullable=False),
        sa.Column("read_at", MOMENT, nullable=False),
        sa.Column("places", JSON, nullable=False),
        sa.Column("district", sa.String(64), nullable=False),
        sa.Column("hazards", JSON, nullable=False),
        sa.Column("dangers", JSON, nullable=False),
    )
    op.create_table(
        "clusters",
        sa.Column("id", ID, primary_key=True, nullable=False),
        sa.Column("family", sa.String(32), nullable=False),
        sa.Column("place", sa.String(128), nullable=False),
        sa.Column("district", sa.String(64), nullable=False),
        sa.Column("lat", sa.Double()),
        sa.Column("lon", sa.Double()),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
    )
    op.create_index("ix_clusters_family", "clusters", ["family", "last_at"])
    op.create_table(
        "sightings",
        sa.Column("id", ID, primary_key=True, nullable=False),
        sa.Column("case_id", ID, sa.ForeignKey("cases.id"), nullable=False),
        sa.Column("cluster_id", ID, sa.ForeignKey("clusters.id"), nullable=False),
        sa.Column("family", sa.String(32), nullable=False),
        sa.Column("caller", sa.String(80), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.UniqueConstraint("case_id", "cluster_id"),
    )
    op.create_index("ix_sightings_cluster_id", "sightings", ["cluster_id", "at"])
    op.create_index("ix_sightings_at", "sightings", ["at"])
    op.create_table(
        "alerts",
        sa.Column("id", ID, primary_key=True, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("subject", JSON, nullable=False),
        sa.Column("cluster_id", ID),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("cases", JSON, nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("climbs_at", MOMENT),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("acknowledged_by", sa.String(64)),
        sa.Column("words", sa.String(2000)),
        sa.Column("whistle_id", ID),
        sa.Column("verdict", sa.String(8)),
        sa.Column("judged_at", MOMENT),
        sa.Column("judged_by", sa.String(64)),
        sa.Column("dedupe", sa.String(255), nullable=False, unique=True),
    )
    for column in ("raised_at", "climbs_at", "cluster_id"):
        op.create_index(f"ix_alerts_{column}", "alerts", [column])


def downgrade() -> None:
    for table in ("alerts", "sightings", "clusters", "readings"):
        op.drop_table(table)
