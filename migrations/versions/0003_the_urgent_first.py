"""Work is found in the order it is wanted; attempts that ended with their worker are counted"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INDEX = "ix_recordings_work"
OPEN = sa.text("status IN ('announced', 'fetched')")


def upgrade() -> None:
    op.add_column(
        "recordings", sa.Column("deaths", sa.SmallInteger(), nullable=False, server_default="0")
    )
    _index("status", sa.text("priority DESC"), "id")


def downgrade() -> None:
    _index("status", "next_try_at")
    op.drop_column("recordings", "deaths")


def _index(*columns: str | sa.TextClause) -> None:
    op.drop_index(INDEX, "recordings")
    op.create_index(INDEX, "recordings", columns, sqlite_where=OPEN, postgresql_where=OPEN)
