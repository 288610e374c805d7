"""Editions of a city: what its people changed in the console."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "city_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_from", ID, nullable=True),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("dropped_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_city_versions"),
    )
    op.create_index("uq_city_versions_name", "city_versions", ["name", "number"], unique=True)
    op.create_table(
        "city_editions",
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("versions", JSON, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("back_to", ID, nullable=True),
        sa.Column("published_by", sa.String(64), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_city_editions"),
    )


def downgrade() -> None:
    op.drop_table("city_editions")
    op.drop_index("uq_city_versions_name", "city_versions")
    op.drop_table("city_versions")
