"""What lists look up: whose cases are, who was asked or called, which clocks are late."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

RUNNING = sa.text("stopped_at IS NULL")
INDEXES = {
    "ix_cases_owner": ("cases", ["owner", "due_at"]),
    "ix_referrals_department": ("referrals", ["department", "case_id"]),
    "ix_tasks_owner": ("tasks", ["owner", "case_id"]),
    "ix_whistle_calls_department": ("whistle_calls", ["department", "whistle_id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)
    op.create_index(
        "ix_clocks_running",
        "clocks",
        ["due_at", "kind", "case_id"],
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )


def downgrade() -> None:
    op.drop_index("ix_clocks_running", "clocks")
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
