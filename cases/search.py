"""What cases are found by: the words said in them and written about them, kept as `grams` cuts them.

One row a text, written in the transaction that writes the text. SQLite keeps the rows in an FTS5 table
beside ours, PostgreSQL in a tsvector with a GIN index; neither is given text to cut up, so that both find
the same, whatever locale or extension a database has.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import (
    DDL,
    CompoundSelect,
    ForeignKey,
    Index,
    Select,
    String,
    Text,
    cast,
    column,
    delete,
    event,
    func,
    intersect,
    literal,
    select,
    table,
    union,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import grams
from cases.grams import Phrase
from cases.record import Id, Record, insert

# Where a text comes from: a caller said it, or somebody wrote it into the history.
SAID, WRITTEN = "said", "written"
# Who may find a case by a text: everybody; whoever may read it whole; whoever reads it masked alone.
ALL, WHOLE, MASKED = "all", "whole", "masked"
# The fields of a line of the history that hold somebody's own words.
FIELDS: Final = ("note", "matter", "text", "answer", "words", "reason", "remark")
# A tsvector counts its words up to here.
LAST_PLACE: Final = 16_383
# So many digits can be a part of a case's number, too.
NUMBER_DIGITS: Final = 6
# What stands in so few texts, or in so small a share of them, tells cases apart.
FEW: Final = 5
FEW_SHARE: Final = 0.01
# So many of the latest texts are a fair sample.
LATEST: Final = 500


class SearchText(Record):
    """One text of a case. `words`: its tokens; `audience`: ALL, WHOLE or MASKED."""

    __tablename__ = "search_texts"
    __table_args__ = (Index("ix_search_texts_case_id", "case_id", "source"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("cases.id"))
    source: Mapped[str] = mapped_column(String(8))
    audience: Mapped[str] = mapped_column(String(8))
    words: Mapped[str] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))


# What no description of a table says: how each database looks the words up. SQLite's triggers keep its
# FTS5 table in step. Its tokenizer `ascii` parts words at our spaces and nowhere else.
LOOK_UP: Final[Mapping[str, tuple[str, ...]]] = {
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
for _kind, _statements in LOOK_UP.items():
    for _statement in _statements:
        _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(SearchText.__table__, "after_create", _ddl.execute_if(dialect=_kind))

_FTS = table("search_words", column("rowid"), column("search_words"))
_CASES = table("cases", column("id"), column("number"))


# --- writing ------------------------------------------------------------------------------------------


def say(session: Session, case_id: int, whole: str, masked: str) -> None:
    """What was said in the case, in place of what was known of that before."""
    session.execute(
        delete(SearchText).where(SearchText.case_id == case_id, SearchText.source == SAID)
    )
    _keep(session, case_id, SAID, whole, masked)


def write(session: Session, case_id: int, whole: str, masked: str) -> None:
    """Something more that was written about the case."""
    _keep(session, case_id, WRITTEN, whole, masked)


def forget(session: Session, case_ids: Iterable[int]) -> None:
    """These cases are found by nothing any more, until it is said or written again."""
    session.execute(delete(SearchText).where(SearchText.case_id.in_([*case_ids])))


def written(detail: Mapping[str, Any]) -> str:
    """The words of a person in a line of the history, a line each; empty when there are none."""
    return "\n".join(str(detail[name]) for name in FIELDS if detail.get(name))


def _keep(session: Session, case_id: int, source: str, whole: str, masked: str) -> None:
    kind = session.get_bind().dialect.name
    tokens, fewer = grams.tokens(whole), grams.tokens(masked)
    texts = {ALL: tokens} if tokens == fewer else {WHOLE: tokens, MASKED: fewer}
    rows = [
        {"case_id": case_id, "source": source, "audience": audience, "words": _stored(kind, cut)}
        for audience, cut in texts.items()
        if cut
    ]
    if rows:
        session.execute(insert(session, SearchText), rows)


def stored(kind: str, text: str) -> str:
    """A text's tokens as this kind of database keeps them: for whoever puts in many rows at once."""
    return _stored(kind, grams.tokens(text))


def _stored(kind: str, tokens: list[str]) -> str:
    if kind != "postgresql":
        return " ".join(tokens)
    places: dict[str, list[str]] = {}
    for place, token in enumerate(tokens, start=1):
        places.setdefault(token, []).append(str(min(place, LAST_PLACE)))
    return " ".join(f"'{token}':{','.join(at)}" for token, at in places.items())


# --- finding ------------------------------------------------------------------------------------------


def find(
    session: Session, query: str, *, masked: bool = False
) -> Select[Any] | CompoundSelect[Any] | None:
    """The cases (a SELECT of `case_id`, each once) in which everything stands that `query` asks for;
    None when it asks for nothing.

    Words parted by spaces or signs may stand apart, and in different texts of a case; what is
    written together must stand together. Six digits or more are looked for in the case's number, too.
    masked: in texts without telephone and identity numbers alone.
    """
    wanted = grams.phrases(query)
    kind = session.get_bind().dialect.name
    if not wanted:
        return None
    if len(wanted) == 1:
        return _having(kind, wanted[0], masked)
    return intersect(*(select(_having(kind, one, masked).subquery()) for one in wanted))


def _having(kind: str, phrase: Phrase, masked: bool) -> Select[Any] | CompoundSelect[Any]:
    audience = SearchText.audience != (WHOLE if masked else MASKED)
    texts = select(SearchText.case_id.label("case_id")).where(_stands(kind, phrase), audience)
    digits = _digits(phrase)
    if len(digits) < NUMBER_DIGITS:
        return texts.distinct()
    number = select(_CASES.c.id.label("case_id")).where(_CASES.c.number.contains(digits))
    return union(texts, number)


def _digits(phrase: Phrase) -> str:
    """The number a phrase asks for, when that is all it asks for."""
    run = phrase.tokens[0] + "".join(token[1:] for token in phrase.tokens[1:])
    return run if run.isascii() and run.isdigit() and not phrase.open_end else ""


def _stands(kind: str, phrase: Phrase) -> Any:
    if kind == "postgresql":
        return SearchText.words.op("@@")(cast(literal(_tsquery(phrase), Text), TSQUERY))
    rows = select(_FTS.c.rowid).where(_FTS.c.search_words.op("MATCH")(_fts5(phrase)))
    return SearchText.id.in_(rows)


def _tsquery(phrase: Phrase) -> str:
    *before, last = (f"'{token}'" for token in phrase.tokens)
    return " <-> ".join([*before, f"{last}:*" if phrase.open_end else last])


def _fts5(phrase: Phrase) -> str:
    return f'"{" ".join(phrase.tokens)}"' + (" *" if phrase.open_end else "")


# --- what tells cases apart ---------------------------------------------------------------------------


def having(session: Session, token: str) -> Select[Any]:
    """The cases (a SELECT of `case_id`, each once) that have one of the tokens that `rare` gives."""
    kind = session.get_bind().dialect.name
    here = _stands(kind, Phrase((token,), open_end=False)), SearchText.audience != WHOLE
    return select(SearchText.case_id.label("case_id")).where(*here).distinct()


def rare(session: Session, text: str, most: int) -> list[str]:
    """The pairs and words of `text` that few others have: so many at most, and those first that are in
    others, too."""
    own = dict.fromkeys(token for token in grams.tokens(text) if len(token) > 1)
    wanted = [token for token in own if not token.isdigit()]
    if not wanted:
        return []
    total, counted = _counts(session, wanted)
    few = max(FEW, round(FEW_SHARE * total))
    able = [token for token in wanted if counted.get(token, 0) <= few]
    return sorted(able, key=lambda token: -counted.get(token, 0))[:most]


def _counts(session: Session, tokens: list[str]) -> tuple[int, dict[str, int]]:
    """In how many texts each stands, and of how many: of all on SQLite, which keeps count; of the latest
    ones on PostgreSQL."""
    newest = session.execute(select(func.max(SearchText.id))).scalar() or 0
    if session.get_bind().dialect.name == "postgresql":
        since = max(0, newest - LATEST)
        sample = f"SELECT words FROM search_texts WHERE id > {since}"
        stat = func.ts_stat(sample).table_valued("word", "ndoc", "nentry")
        rows = session.execute(select(stat.c.word, stat.c.ndoc).where(stat.c.word.in_(tokens)))
        return newest - since, {word: count for word, count in rows}
    vocabulary = table("search_words_rows", column("term"), column("doc"))
    found = select(vocabulary.c.term, vocabulary.c.doc).where(vocabulary.c.term.in_(tokens))
    return newest, {term: doc for term, doc in session.execute(found)}
