"""What an ear knows: slots, masks and their text of a transcript; how soon a recording is wanted"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("transcripts") as table:
        table.add_column(sa.Column("slots", JSON, nullable=False, server_default="[]"))
        table.add_column(sa.Column("masks", JSON, nullable=False, server_default="[]"))
        table.add_column(sa.Column("masked_text", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("recordings") as table:
        table.add_column(
            sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="0")
        )
        table.add_column(sa.Column("masked_key", sa.String(), nullable=True))
    # Whatever was transcribed before has no masks: its text is all there is to show.
    op.execute("UPDATE transcripts SET masked_text = text")


def downgrade() -> None:
    with op.batch_alter_table("recordings") as table:
        table.drop_column("masked_key")
        table.drop_column("priority")
    with op.batch_alter_table("transcripts") as table:
        table.drop_column("masked_text")
        table.drop_column("masks")
        table.drop_column("slots")
