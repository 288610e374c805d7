"""What cases are found by: every text's words. `python -m console reindex` fills it for older cases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0012"
down_revision = "0011"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LOOK_UP = {
    "postgresql": (
        "CREATE INDEX ix_search_texts_words ON search_texts USING gin (words) "
        "WITH (fastupdate = off)",
    ),
    "sqlite": (
        "CREATE VIRTUAL TABLE search_words USING fts5(words, content='search_texts', "
        "content_rowid='id', tokenize='ascii', prefix='1')",
        "CREATE VIRTUAL TABLE search_words_rows USING fts5vocab(search_words, row)",
        "CREATE TRIGGER search_texts_in AFTER INSERT ON search_texts BEGIN "
        "INSERT INTO search_words(rowid, words) VALUES (new.id, new.words); END",
        "CREATE TRIGGER search_texts_out AFTER DELETE ON search_texts BEGIN "
        "INSERT INTO search_words(search_words, rowid, words) "
        "VALUES ('delete', old.id, old.words); END",
    ),
}


def upgrade() -> None:
    op.create_table(
        "search_texts",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("audience", sa.String(length=8), nullable=False),
        sa.Column("words", sa.Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_search_texts_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_search_texts"),
    )
    op.create_index("ix_search_texts_case_id", "search_texts", ["case_id", "source"])
    for statement in LOOK_UP[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_words_rows")
        op.execute("DROP TABLE search_words")
    op.drop_table("search_texts")
