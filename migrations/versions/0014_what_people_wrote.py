"""What people wrote: who corrected a transcript, and made from which."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("transcripts") as table:
        table.add_column(sa.Column("made_by", sa.String(64)))
        table.add_column(sa.Column("role", sa.String(32)))
        table.add_column(sa.Column("based_on", ID))
        table.create_foreign_key("fk_transcripts_based_on", "transcripts", ["based_on"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("transcripts") as table:
        table.drop_constraint("fk_transcripts_based_on", type_="foreignkey")
        table.drop_column("based_on")
        table.drop_column("role")
        table.drop_column("made_by")
