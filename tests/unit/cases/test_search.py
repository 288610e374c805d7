"""The search finds what a reader would find with the eyes, in both scripts, and nothing else."""

import random
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opencc import OpenCC
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from cases import grams, history, recordings, reindex, search, transcripts
from cases.calls import Call
from cases.case import Case
from cases.grams import Piece
from cases.record import Record
from cases.search import SearchText
from cases.transcripts import Heard
from runtime import database
from runtime.database import transaction
from tests.support.console_app import SCAFFOLD, WATER
from tests.unit.cases.conftest import MEI, NOW, Records

WHERE = ("海晴邨三座", "旺角弥敦道", "觀塘道1823號", "天水圍天瑞邨", "朝阳区建国路", "Nathan Road")
WHAT = (
    *("升降機壞咗", "升降機成日停", "電梯又壞了", "电梯困人", "漏水好嚴重", "天花漏水", "水管爆裂"),
    *(
        "路燈唔著",
        "街燈着咗又熄",
        "垃圾冇人收",
        "噪音擾民",
        "消防水喉漏咗",
        "lift broken",
        "Water leak",
    ),
)
MORE = (
    "打過1823都冇人理",
    "電話91234567",
    "等咗2個鐘",
    "請回覆",
    "麻煩晒",
    "𨋢門壞咗",
    "",
    "please call",
)


def seeded(session: Session, count: int = 5000) -> dict[int, str]:
    """So many cases, and what was said in each."""
    dice, texts = random.Random(1823), {}
    for number in range(1, count + 1):
        parts = [dice.choice(WHERE), dice.choice(WHAT), dice.choice(MORE), dice.choice(WHAT)]
        texts[number] = "，".join(parts[: dice.randint(1, 4)])
    put_in(session, texts)
    return texts


def put_in(session: Session, texts: dict[int, str]) -> None:
    same: dict[str, Any] = {"caller_masked": "", "called": "", "status_rank": 0, "began_at": NOW}
    session.execute(
        insert(Call),
        [
            {**same, "id": n, "provider_id": str(n), "provider": "x", "status": "completed"}
            for n in texts
        ],
    )
    lists = ("flags", "category_alternatives", "category_reasons")
    empty: dict[str, Any] = {name: [] for name in lists}
    session.execute(
        insert(Case),
        [
            {
                **{**empty, "id": n, "call_id": n, "status": "received", "opened_at": NOW},
                **{"owner": "desk", "due_at": NOW, "version": 1},
            }
            for n in texts
        ],
    )
    for number, text in texts.items():
        search.say(session, number, text, text)


def found(session: Session, query: str, **how: bool) -> set[int]:
    wanted = search.find(session, query, **how)
    assert wanted is not None
    rows = list(session.scalars(wanted))
    assert len(rows) == len({*rows})
    return {*rows}


def like(texts: dict[int, str], query: str) -> set[int]:
    """What LIKE '%word%' finds for every word, over texts that OpenCC wrote in Simplified."""
    convert = OpenCC("t2s").convert
    words = convert(query).lower().split()
    plain = {number: convert(text).lower().replace("著", "着") for number, text in texts.items()}
    return {number for number, text in plain.items() if all(word in text for word in words)}


def test_of_5000_cases_those_are_found_that_like_finds_and_no_other(engine: Engine) -> None:
    queries = (
        *("漏水", "升降機 壞咗", "升降机 坏咗", "電梯", "电梯", "1823", "9123", "4567", "水管爆裂"),
        *("水", "漏", "2", "邨三", "路燈 唔着", "lift", "water", "Road 漏水", "𨋢", "冇此事", "82"),
    )
    with transaction(engine) as session:
        texts = seeded(session)
        for query in queries:
            assert found(session, query) == like(texts, query), query
        assert found(session, "电梯") == found(session, "電梯") != set()
        for query in ("漏水", "升降機 壞咗", "1823", "水", "9123"):
            assert 50 < len(found(session, query)) < 5000, query


def test_random_parts_of_texts_are_found_where_they_stand(engine: Engine) -> None:
    dice = random.Random(5)
    with transaction(engine) as session:
        texts = seeded(session, 400)
        for _ in range(150):
            text = dice.choice([*texts.values()])
            start = dice.randrange(len(text))
            query = text[start : start + dice.randint(1, 6)]
            if wanted := grams.pattern(query):
                stands = {n for n, one in texts.items() if _has_all(one, query)}
                assert found(session, query) == stands, (query, wanted)


def _has_all(text: str, query: str) -> bool:
    words = re.findall(r"\w+", query.replace("\0", ""))  # no database holds it: it is nothing
    return all(
        bool(pattern.search(grams.plain(text)))
        for word in words
        if (pattern := grams.pattern(word)) is not None
    )


ANY = st.text(alphabet="漏水電电梯壞坏咗一丶、，。 19ａＡb_'\"*:-<>&|!()\\%\n\u0000é", max_size=9)


@settings(max_examples=60)
@given(text=ANY, query=ANY)
def test_nothing_that_is_typed_breaks_the_search(text: str, query: str) -> None:
    with _memory() as session:
        search.say(session, 1, text, "")
        wanted = search.find(session, query)
        assert (wanted is None) == (not grams.phrases(query))
        if wanted is not None:
            hit = bool(list(session.scalars(wanted)))
            assert hit == _has_all(text, query.replace("_", " "))


@contextmanager
def _memory() -> Iterator[Session]:
    """A database with one case, for as long as the block runs."""
    engine = database.engine("sqlite:///:memory:")
    Record.metadata.create_all(engine)
    with transaction(engine) as session:
        put_in(session, {1: ""})
        yield session
    engine.dispose()


@pytest.mark.parametrize(
    "typed", ["'", '"', "漏'水", "(", "!", "*", "a:b", "& |", "\\", "%", "漏 & 水"]
)
def test_signs_of_a_query_language_mean_nothing(records: Records, typed: str) -> None:
    put_in(records.session, {1: "漏水"})
    wanted = search.find(records.session, typed)
    if wanted is not None:
        records.session.scalars(wanted).all()


def test_every_sentence_of_callers_is_found_in_the_other_script() -> None:
    """By each pair of characters, typed in the script the text is not in."""
    traditional, simplified = OpenCC("s2hk"), OpenCC("hk2s")
    for sentence in (*SCAFFOLD, *WATER, *WHERE, *WHAT, *MORE):
        other = {traditional.convert(sentence), simplified.convert(sentence)}
        assert {grams.plain(one) for one in other} == {grams.plain(sentence)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("傢俬", "傢俬"), ("衞生", "卫生"), ("枱燈", "台灯"), ("裡面", "裏面"), ("著火", "着火")),
        *(("回覆", "回复"), ("甚麼", "什么"), ("１８２３", "1823"), ("ＬＩＦＴ", "lift")),
        *(("佢哋嘅", "佢哋嘅"), ("乾淨", "干净"), ("頭髮", "头发"), ("瞭解", "了解")),
    ],
)
def test_both_ways_of_writing_are_one(one: str, other: str) -> None:
    assert grams.plain(one) == grams.plain(other)


def test_what_is_written_together_must_stand_together(records: Records) -> None:
    put_in(records.session, {1: "水漏", 2: "漏。水", 3: "漏水", 4: "升降機停咗，電梯壞咗"})
    assert found(records.session, "漏水") == {3}
    assert found(records.session, "漏 水") == {1, 2, 3}
    assert found(records.session, "升降機壞咗") == set()
    assert found(records.session, "升降機 壞咗") == {4}


class TestOneCase:
    """A case that was heard."""

    @pytest.fixture
    def case(self, records: Records) -> Case:
        case, claim = records.ready_to_hear()
        heard = Heard(
            text="我電話係91234567，天花漏水",
            raw_text="",
            language="yue",
            language_probability=1.0,
            segments=(),
            confidence=0.9,
            engine="e",
            model="m",
            masked_text="我電話係[phone]，天花漏水",
        )
        assert transcripts.finish(records.session, claim, heard, (), NOW)
        return case

    def test_is_found_at_once(self, records: Records, case: Case) -> None:
        assert found(records.session, "漏水") == {case.id}

    def test_is_found_by_a_masked_number_only_by_who_may_read_it(
        self, records: Records, case: Case
    ) -> None:
        for number in ("9123", "91234567", "4567"):
            assert found(records.session, number) == {case.id}
            assert found(records.session, number, masked=True) == set()
        assert found(records.session, "漏水", masked=True) == {case.id}
        assert found(records.session, "phone", masked=True) == set()

    def test_is_found_by_what_was_written_and_said_together(
        self, records: Records, case: Case
    ) -> None:
        note = {"note": "已致電 9876 5432 上門視察"}
        history.add(records.session, case.id, "note", NOW, actor=MEI.actor, **note)
        assert found(records.session, "上門視察 漏水") == {case.id}
        assert found(records.session, "9876") == {case.id}
        assert found(records.session, "9876", masked=True) == set()
        assert found(records.session, "视察", masked=True) == {case.id}

    def test_is_not_found_by_what_the_system_wrote(self, records: Records, case: Case) -> None:
        history.add(records.session, case.id, "missing", NOW, reason="no answer from there")
        assert found(records.session, "answer") == set()

    def test_is_found_by_its_number(self, records: Records, case: Case) -> None:
        assert found(records.session, str(case.number)) == {case.id}
        assert found(records.session, f"{case.number} 漏水") == {case.id}
        assert found(records.session, str(case.number)[:5]) == set()

    def test_is_found_by_new_words_alone_when_they_change(
        self, records: Records, case: Case
    ) -> None:
        search.say(records.session, case.id, "冇電", "冇電")
        assert found(records.session, "漏水") == set()
        assert found(records.session, "冇電") == {case.id}

    def test_is_found_as_before_when_the_search_is_made_anew(
        self, records: Records, case: Case
    ) -> None:
        history.add(records.session, case.id, "note", NOW, actor=MEI.actor, note="上門視察")
        before = _rows(records.session)
        assert reindex.batch(records.session) == case.id
        assert reindex.batch(records.session, after=case.id) is None
        assert _rows(records.session) == before
        search.forget(records.session, [case.id])
        assert found(records.session, "漏水") == set()
        reindex.batch(records.session)
        assert _rows(records.session) == before and found(records.session, "漏水") == {case.id}

    def test_who_says_it_again_is_found_by_the_later_words(
        self, records: Records, case: Case
    ) -> None:
        again = records.announce(case.call_id, provider_id="RE-2", turn=3)
        recordings.fetched(records.session, records.claim(again), "sound", NOW)
        claim = records.claim(again, "transcribe")
        heard = Heard("冇電", "", "yue", 1.0, (), 0.9, "e", "m")
        assert transcripts.finish(records.session, claim, heard, (), NOW + timedelta(seconds=9))
        assert found(records.session, "漏水") == found(records.session, "冇電") == {case.id}
        recordings.replace_earlier(records.session, case.call_id, 1)
        transcripts.say_again(records.session, case.call_id)
        assert found(records.session, "漏水") == set()
        assert found(records.session, "冇電") == {case.id}


def _rows(session: Session) -> list[tuple[Any, ...]]:
    columns = (SearchText.case_id, SearchText.source, SearchText.audience, SearchText.words)
    return sorted(tuple(row) for row in session.execute(select(*columns)))


def test_nothing_remains_of_a_transaction_that_fails(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), transaction(engine) as session:
        put_in(session, {1: "漏水"})
        raise ZeroDivisionError
    with transaction(engine) as session:
        assert found(session, "漏水") == set()


class TestAPieceOfText:
    """As a list shows it."""

    def test_marks_every_hit_in_the_readers_own_script(self) -> None:
        pieces = grams.marked("電梯壞咗，個升降機成日壞", "电梯 升降机", 40)
        assert hits(pieces) == ["電梯", "升降機"]

    def test_begins_a_little_before_the_first_hit(self) -> None:
        pieces = grams.marked("一" * 100 + "漏水" + "二" * 100, "漏水", 5)
        assert [one.text for one in pieces or ()] == ["…", "一" * 5, "漏水", "二" * 5, "…"]

    def test_is_not_there_without_a_hit(self) -> None:
        assert grams.marked("漏水", "火", 5) is None and grams.marked("漏水", "、", 5) is None

    @given(text=ANY, query=ANY)
    def test_is_a_part_of_the_text(self, text: str, query: str) -> None:
        pieces = grams.marked(text, query, 99)
        if pieces is not None:
            assert "".join(one.text for one in pieces) == unicodedata.normalize("NFC", text)


def hits(pieces: Iterable[Piece] | None) -> list[str]:
    return [one.text for one in pieces or () if one.hit]
