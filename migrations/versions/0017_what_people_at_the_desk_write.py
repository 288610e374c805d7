"""Knowledge articles, reply templates, marks of abuse"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)

# What was written stays as it was written.
KEPT = ("article_versions", "reply_template_versions")
KEEP = {
    "sqlite": (
        "CREATE TRIGGER {table}_no_{what} BEFORE {what} ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER {table}_no_{what} BEFORE {what} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION written_versions_stay()"
    ),
}


def upgrade() -> None:
    _articles()
    _templates()
    _marks()
    kind = op.get_bind().dialect.name
    if kind == "postgresql":
        op.execute(
            "CREATE FUNCTION written_versions_stay() RETURNS trigger AS $$ "
            "BEGIN RAISE EXCEPTION 'a version that was written stays'; END $$ LANGUAGE plpgsql"
        )
    for table in KEPT:
        for what in ("UPDATE", "DELETE"):
            op.execute(KEEP[kind].format(table=table, what=what))


def _articles() -> None:
    op.create_table(
        "articles",
        sa.Column("id", ID, nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("titles", JSON, nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("titles_folded", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_articles"),
    )
    op.create_index("ix_articles_department", "articles", ["department", "review_on"])
    op.create_table(
        "article_versions",
        sa.Column("article_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("titles", JSON, nullable=False),
        sa.Column("texts", JSON, nullable=False),
        sa.Column("categories", JSON, nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("written_by", sa.String(length=64), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name="fk_article_versions_article_id"
        ),
        sa.PrimaryKeyConstraint("article_id", "number", name="pk_article_versions"),
    )
    op.create_table(
        "article_categories",
        sa.Column("article_id", ID, nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name="fk_article_categories_article_id"
        ),
        sa.PrimaryKeyConstraint("article_id", "category", name="pk_article_categories"),
    )
    op.create_index("ix_article_categories_category", "article_categories", ["category"])


def _templates() -> None:
    op.create_table(
        "reply_template_versions",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=True),
        sa.Column("names", JSON, nullable=False),
        sa.Column("texts", JSON, nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("written_by", sa.String(length=64), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("code", "number", name="pk_reply_template_versions"),
    )


def _marks() -> None:
    op.create_table(
        "abuse_marks",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("caller_digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("marked_by", sa.String(length=64), nullable=False),
        sa.Column("marked_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_why", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_abuse_marks_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_abuse_marks"),
    )
    op.create_index("ix_abuse_marks_case_id", "abuse_marks", ["case_id"])
    op.create_index("ix_abuse_marks_caller", "abuse_marks", ["caller_digest", "expires_at"])


def downgrade() -> None:
    for table in ("abuse_marks", "reply_template_versions", "article_categories"):
        op.drop_table(table)
    op.drop_table("article_versions")
    op.drop_table("articles")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION written_versions_stay()")
