"""The wall: which processes are up, links for its screens, and what its figures look up."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
UNREVIEWED = sa.text("status = 'received'")


def upgrade() -> None:
    op.create_table(
        "stations",
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("holder", name="pk_stations"),
    )
    op.create_table(
        "kiosks",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_kiosks"),
        sa.UniqueConstraint("token_digest", name="uq_kiosks_token_digest"),
    )
    op.create_index("ix_calls_began_at", "calls", ["began_at"])
    op.create_index(
        "ix_cases_unreviewed",
        "cases",
        ["opened_at"],
        sqlite_where=UNREVIEWED,
        postgresql_where=UNREVIEWED,
    )


def downgrade() -> None:
    op.drop_index("ix_cases_unreviewed", "cases")
    op.drop_index("ix_calls_began_at", "calls")
    op.drop_table("kiosks")
    op.drop_table("stations")
