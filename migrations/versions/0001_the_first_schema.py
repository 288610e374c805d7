"""The first schema"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)

# History is only ever added to; the database itself refuses anything else.
APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER history_no_{what} BEFORE {what} ON history "
        "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER history_no_{what} BEFORE {what} ON history "
        "FOR EACH ROW EXECUTE FUNCTION history_is_append_only()"
    ),
}
REFUSE = """
CREATE FUNCTION history_is_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'history is append-only'; END $$ LANGUAGE plpgsql
"""


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("one_time_until", MOMENT, nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
        sa.UniqueConstraint("name", name="uq_agents_name"),
    )
    op.create_table(
        "calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("provider_id", sa.String(length=128), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("caller_sealed", sa.String(), nullable=True),
        sa.Column("caller_digest", sa.String(length=64), nullable=True),
        sa.Column("caller_masked", sa.String(length=64), nullable=False),
        sa.Column("called", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_rank", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=True),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("provider_id", name="uq_calls_provider_id"),
    )
    op.create_index("ix_calls_caller_digest", "calls", ["caller_digest"], unique=False)

    op.create_table(
        "data_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_key"),
    )
    op.create_table(
        "signin_tries",
        sa.Column("whose", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("whose", name="pk_signin_tries"),
    )
    op.create_table(
        "cases",
        sa.Column("id", ID, nullable=False),
        sa.Column("call_id", ID, nullable=False),
        sa.Column("number", sa.String(length=16), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("language", sa.String(length=3), nullable=True),
        sa.Column("category", sa.String(length=64), nullable=True),
        sa.Column("category_confidence", sa.Double(), nullable=True),
        sa.Column("category_alternatives", JSON, nullable=False),
        sa.Column("category_reasons", JSON, nullable=False),
        sa.Column("category_confirmed", sa.Boolean(), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=True),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("transcribed_at", MOMENT, nullable=True),
        sa.Column("flags", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_cases_call_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("call_id", name="uq_cases_call_id"),
        sa.UniqueConstraint("number", name="uq_cases_number"),
    )
    op.create_index("ix_cases_status_due_at", "cases", ["status", "due_at"], unique=False)

    op.create_table(
        "recordings",
        sa.Column("id", ID, nullable=False),
        sa.Column("call_id", ID, nullable=False),
        sa.Column("provider_id", sa.String(length=128), nullable=True),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("replaced", sa.Boolean(), nullable=False),
        sa.Column("hung_up", sa.Boolean(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("storage_key", sa.String(), nullable=True),
        sa.Column("announced_at", MOMENT, nullable=False),
        sa.Column("fetched_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_recordings_call_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recordings"),
        sa.UniqueConstraint("call_id", "provider_id", name="uq_recordings_call_id"),
    )
    op.create_index("ix_recordings_provider_id", "recordings", ["provider_id"], unique=False)
    op.create_index(
        "ix_recordings_work",
        "recordings",
        ["status", "next_try_at"],
        unique=False,
        sqlite_where=sa.text("status IN ('announced', 'fetched')"),
        postgresql_where=sa.text("status IN ('announced', 'fetched')"),
    )

    op.create_table(
        "signins",
        sa.Column("id", ID, nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("agent_id", ID, nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_signins_agent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_signins"),
        sa.UniqueConstraint("token_digest", name="uq_signins_token_digest"),
    )
    op.create_index("ix_signins_agent_id", "signins", ["agent_id"], unique=False)

    op.create_table(
        "turns",
        sa.Column("call_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("heard", JSON, nullable=False),
        sa.Column("kept", JSON, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_turns_call_id"),
        sa.PrimaryKeyConstraint("call_id", "number", name="pk_turns"),
    )
    op.create_table(
        "history",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_history_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_index("ix_history_case_id", "history", ["case_id"], unique=False)

    op.create_table(
        "signin_heard",
        sa.Column("signin_id", ID, nullable=False),
        sa.Column("recording_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name="fk_signin_heard_recording_id"
        ),
        sa.ForeignKeyConstraint(["signin_id"], ["signins.id"], name="fk_signin_heard_signin_id"),
        sa.PrimaryKeyConstraint("signin_id", "recording_id", name="pk_signin_heard"),
    )
    op.create_table(
        "transcripts",
        sa.Column("id", ID, nullable=False),
        sa.Column("recording_id", ID, nullable=False),
        sa.Column("engine", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("language_probability", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("raw_text", sa.String(), nullable=False),
        sa.Column("segments", JSON, nullable=False),
        sa.Column("flags", JSON, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name="fk_transcripts_recording_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_transcripts"),
        sa.UniqueConstraint("recording_id", "engine", "model", name="uq_transcripts_recording_id"),
    )
    _make_history_append_only()


def _make_history_append_only() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(REFUSE)
    for what in ("UPDATE", "DELETE"):
        op.execute(APPEND_ONLY[dialect].format(what=what))


def downgrade() -> None:
    op.drop_table("transcripts")
    op.drop_table("signin_heard")
    op.drop_index("ix_history_case_id", table_name="history")

    op.drop_table("history")
    op.drop_table("turns")
    op.drop_index("ix_signins_agent_id", table_name="signins")

    op.drop_table("signins")
    op.drop_index(
        "ix_recordings_work",
        table_name="recordings",
        sqlite_where=sa.text("status IN ('announced', 'fetched')"),
        postgresql_where=sa.text("status IN ('announced', 'fetched')"),
    )
    op.drop_index("ix_recordings_provider_id", table_name="recordings")

    op.drop_table("recordings")
    op.drop_index("ix_cases_status_due_at", table_name="cases")

    op.drop_table("cases")
    op.drop_table("signin_tries")
    op.drop_table("data_key")
    op.drop_index("ix_calls_caller_digest", table_name="calls")

    op.drop_table("calls")
    op.drop_table("agents")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION history_is_append_only()")
