"""After a case is resolved the caller is asked: follow-ups, the calls we place, who wants no calls"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "calls", sa.Column("outgoing", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    _followups()
    _outgoing_calls()
    op.create_table(
        "outgoing_gate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_gate"),
    )
    op.create_table(
        "no_calls",
        sa.Column("caller_digest", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_no_calls_case_id"),
        sa.PrimaryKeyConstraint("caller_digest", name="pk_no_calls"),
    )


def _followups() -> None:
    op.create_table(
        "followups",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("resolution", sa.Integer(), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("language", sa.String(length=3), nullable=True),
        sa.Column("caller_digest", sa.String(length=64), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("contacted", sa.Boolean(), nullable=True),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("satisfied", sa.String(length=8), nullable=True),
        sa.Column("remark", sa.String(), nullable=True),
        sa.Column("remark_recording_id", ID, nullable=True),
        sa.Column("by", sa.String(length=8), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=True),
        sa.Column("in_hand_by", sa.String(length=64), nullable=True),
        sa.Column("in_hand_since", MOMENT, nullable=True),
        sa.Column("resolved_at", MOMENT, nullable=False),
        sa.Column("missed_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_followups_case_id"),
        sa.ForeignKeyConstraint(
            ["remark_recording_id"], ["recordings.id"], name="fk_followups_remark_recording_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_followups"),
        sa.UniqueConstraint("case_id", "resolution", name="uq_followups_case_id"),
    )
    op.create_index("ix_followups_state", "followups", ["state", "next_try_at"], unique=False)
    op.create_index("ix_followups_ended_at", "followups", ["state", "ended_at"])


def _outgoing_calls() -> None:
    op.create_table(
        "outgoing_calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("followup_id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("call_id", ID, nullable=True),
        sa.Column("caller_digest", sa.String(length=64), nullable=False),
        sa.Column("placed_at", MOMENT, nullable=False),
        sa.Column("answered_by", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["followup_id"], ["followups.id"], name="fk_outgoing_calls_followup_id"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_outgoing_calls_case_id"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_outgoing_calls_call_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_calls"),
        sa.UniqueConstraint("token", name="uq_outgoing_calls_token"),
        sa.UniqueConstraint("call_id", name="uq_outgoing_calls_call_id"),
    )
    for columns in (["followup_id"], ["placed_at"], ["caller_digest", "placed_at"]):
        op.create_index(f"ix_outgoing_calls_{columns[0]}", "outgoing_calls", columns)


def downgrade() -> None:
    for table in ("no_calls", "outgoing_gate", "outgoing_calls", "followups"):
        op.drop_table(table)
    op.drop_column("calls", "outgoing")
