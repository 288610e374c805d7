"""Calls from a browser, which no rate counts, are found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

IN_BROWSER = sa.text("provider = 'browser'")


def upgrade() -> None:
    op.create_index(
        "ix_calls_browser",
        "calls",
        ["id"],
        sqlite_where=IN_BROWSER,
        postgresql_where=IN_BROWSER,
    )


def downgrade() -> None:
    op.drop_index("ix_calls_browser", "calls")
