"""Models that were taught what a city's matters are about, and which of them is in service."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("id", ID, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("weights", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_models"),
    )
    op.create_table(
        "model_choices",
        sa.Column("id", ID, nullable=False),
        sa.Column("model_id", ID, nullable=True),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chosen_by", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_model_choices_model_id"),
        sa.PrimaryKeyConstraint("id", name="pk_model_choices"),
    )


def downgrade() -> None:
    op.drop_table("model_choices")
    op.drop_table("models")
