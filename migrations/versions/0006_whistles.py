"""Whistles, the departments they call and how those reported in, tasks, and the leaders' duty seat"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
OPEN = sa.text("ended_at IS NULL")
SEATED = sa.text("seat_id IS NOT NULL")
NOT_DONE = sa.text("done_at IS NULL")

# What departments say to one another in a whistle is only ever added to, like history.
APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER whistle_lines_no_{what} BEFORE {what} ON whistle_lines "
        "BEGIN SELECT RAISE(ABORT, 'whistle_lines is append-only'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER whistle_lines_no_{what} BEFORE {what} ON whistle_lines "
        "FOR EACH ROW EXECUTE FUNCTION whistle_lines_is_append_only()"
    ),
}
REFUSE = """
CREATE FUNCTION whistle_lines_is_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'whistle_lines is append-only'; END $$ LANGUAGE plpgsql
"""


def upgrade() -> None:
    _duty()
    _whistles()
    _tasks()
    _make_lines_append_only()


def _duty() -> None:
    op.create_table(
        "duty_seats",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("leader_id", ID, nullable=False),
        sa.Column("begins_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["leader_id"], ["agents.id"], name="fk_duty_seats_leader_id"),
        sa.PrimaryKeyConstraint("id", name="pk_duty_seats"),
    )
    op.create_index("ix_duty_seats_name_begins_at", "duty_seats", ["name", "begins_at"])
    op.add_column("cases", sa.Column("seat_id", ID, nullable=True))
    op.create_index(
        "ix_cases_seat_id", "cases", ["seat_id"], sqlite_where=SEATED, postgresql_where=SEATED
    )


def _whistles() -> None:
    op.create_table(
        "whistles",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("matter", sa.String(), nullable=False),
        sa.Column("danger", sa.Boolean(), nullable=False),
        sa.Column("blown_as", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("blown_by", sa.String(length=64), nullable=False),
        sa.Column("blown_department", sa.String(length=32), nullable=True),
        sa.Column("blown_at", MOMENT, nullable=False),
        sa.Column("lead", sa.String(length=32), nullable=False),
        sa.Column("led_at", MOMENT, nullable=True),
        sa.Column("coordinator", sa.String(length=64), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_whistles_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_whistles"),
    )
    op.create_index("ix_whistles_case_id", "whistles", ["case_id"])
    op.create_index(
        "uq_whistles_open",
        "whistles",
        ["case_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "whistle_calls",
        sa.Column("whistle_id", ID, nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("called_at", MOMENT, nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("arrived_at", MOMENT, nullable=True),
        sa.Column("arrived_by", sa.String(length=64), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=True),
        sa.Column("missed_at", MOMENT, nullable=True),
        sa.Column("points", sa.SmallInteger(), nullable=True),
        sa.Column("words", sa.String(), nullable=True),
        sa.Column("scored_by", sa.String(length=64), nullable=True),
        sa.Column("scored_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["whistle_id"], ["whistles.id"], name="fk_whistle_calls_whistle_id"
        ),
        sa.PrimaryKeyConstraint("whistle_id", "department", name="pk_whistle_calls"),
        sa.UniqueConstraint("token_digest", name="uq_whistle_calls_token_digest"),
    )
    op.create_index("ix_whistle_calls_called_at", "whistle_calls", ["called_at"])
    op.create_table(
        "whistle_lines",
        sa.Column("id", ID, nullable=False),
        sa.Column("whistle_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["whistle_id"], ["whistles.id"], name="fk_whistle_lines_whistle_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_whistle_lines"),
    )
    op.create_index("ix_whistle_lines_whistle_id", "whistle_lines", ["whistle_id"])
    op.create_table(
        "whistle_members",
        sa.Column("whistle_id", ID, nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["whistle_id"], ["whistles.id"], name="fk_whistle_members_whistle_id"
        ),
        sa.PrimaryKeyConstraint("whistle_id", "department", "name", name="pk_whistle_members"),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("whistle_id", ID, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("given_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("climbed_at", MOMENT, nullable=True),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.Column("words", sa.String(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_tasks_case_id"),
        sa.ForeignKeyConstraint(["whistle_id"], ["whistles.id"], name="fk_tasks_whistle_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_case_id", "tasks", ["case_id"])
    op.create_index(
        "ix_tasks_open",
        "tasks",
        ["owner", "due_at"],
        sqlite_where=NOT_DONE,
        postgresql_where=NOT_DONE,
    )


def _make_lines_append_only() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(REFUSE)
    for what in ("UPDATE", "DELETE"):
        op.execute(APPEND_ONLY[dialect].format(what=what))


def downgrade() -> None:
    op.drop_table("tasks")
    op.drop_table("whistle_members")
    op.drop_table("whistle_lines")
    op.drop_table("whistle_calls")
    op.drop_table("whistles")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION whistle_lines_is_append_only()")
    op.drop_index("ix_cases_seat_id", table_name="cases")
    op.drop_column("cases", "seat_id")
    op.drop_table("duty_seats")
