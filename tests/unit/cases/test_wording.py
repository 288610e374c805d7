"""Every notice has its words in every language, and says no more than it may."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from cases.notices import FACTS, KINDS, TO_CALLERS
from cases.pack import LANGUAGES
from cases.wording import ALWAYS, House, Words, mask_numbers, placeholders, words

HOUSE = House(
    city={"yue": "城市", "cmn": "城市", "en": "City"},
    hotline="1823",
    zone=ZoneInfo("Asia/Hong_Kong"),
    base_url="https://hotline.example",
    departments={"bd": {"yue": "屋宇署", "cmn": "屋宇署", "en": "Buildings Department"}},
    categories={"street-lamp": {"yue": "街燈", "cmn": "路灯", "en": "Street lamp"}},
)
FULL = {
    "number": "260000011",
    "what": "a scaffold burns",
    "due_at": "2026-11-24T02:00:00+00:00",
    "department": "bd",
    "owner": "bd",
    "lead": "bd",
    "late": True,
    "state": "given",
    "link": "https://hotline.example/cases/260000011",
    "hazard": "fire",
    "category": "street-lamp",
    "place": "宏福苑",
    "seen": 3,
}
EVERY = pytest.mark.parametrize("language", LANGUAGES)
EACH = pytest.mark.parametrize("kind", KINDS)


@EACH
@EVERY
def test_every_notice_says_everything_it_is_told(kind: str, language: str) -> None:
    assert set(FULL) == set(FACTS)
    text = HOUSE.write(kind, FULL, language)
    wording = words().texts[kind]
    assert len(text.body.splitlines()) == len(wording.body[language].splitlines())
    assert not re.search(r"[{}]", text.subject + text.body + text.short)


@EACH
@EVERY
def test_a_notice_that_is_told_little_still_says_what_it_is(kind: str, language: str) -> None:
    known = {name: FULL[name] for name in ("number", "link")}
    text = HOUSE.write(kind, known, language)
    assert text.subject and text.body
    assert not re.search(r"[{}]|None", text.subject + text.body)


@EACH
@EVERY
def test_a_subject_has_no_hole_and_all_languages_tell_the_same(kind: str, language: str) -> None:
    wording = words().texts[kind]
    assert placeholders(wording.subject[language]) <= ALWAYS
    assert placeholders(wording.body[language]) == placeholders(wording.body["en"])


@pytest.mark.parametrize("kind", sorted(TO_CALLERS))
@EVERY
def test_a_text_to_a_caller_is_one_short_line_about_the_case_number(
    kind: str, language: str
) -> None:
    body = words().texts[kind].body[language]
    assert {"number", "link"} <= placeholders(body) <= ALWAYS
    text = HOUSE.write(kind, FULL, language).body
    # Two parts of a message in 16-bit characters, three in 7-bit ones, at most.
    assert len(text) <= (3 * 153 if language == "en" else 2 * 67)
    assert "\n" not in text


def test_names_moments_and_words_are_the_readers() -> None:
    english = HOUSE.write("whistle_joined", FULL, "en").body
    assert "Buildings Department (late)" in english
    assert "屋宇署（遲到）" in HOUSE.write("whistle_joined", FULL, "yue").body
    assert "準時" in HOUSE.write("whistle_joined", {**FULL, "late": False}, "yue").body
    assert "2026年11月24日 10:00" in HOUSE.write("whistle", FULL, "cmn").body
    assert "24 November 2026, 10:00" in HOUSE.write("whistle", FULL, "en").body


def test_a_line_whose_fact_is_not_known_is_left_out() -> None:
    body = HOUSE.write("task", {**FULL, "due_at": None}, "en").body
    assert "Due" not in body and "Owner: Buildings Department" in body


def test_a_text_message_to_a_colleague_is_the_subject_and_the_link() -> None:
    short = HOUSE.write("whistle", FULL, "en").short
    assert short == "Whistle: case 260000011, report in now\n" + str(FULL["link"])


@pytest.mark.parametrize(
    ("about", "line"), [("hazard", "宏福苑：火警隱患，3 宗"), ("category", "宏福苑：街燈，3 宗")]
)
def test_a_text_message_of_an_early_warning_says_what_where_and_how_often(
    about: str, line: str
) -> None:
    facts = {name: FULL[name] for name in ("number", "link", "place", "seen", about)}
    assert HOUSE.write("alert", facts, "yue").short.splitlines() == [
        "提示：1823",
        line,
        str(FULL["link"]),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "call me at 9123 4567",
        "call me at +852-9123-4567",
        "call me at 91234567, please",
        "電話９１２３４５６７",
        "(010) 6512 3456",
    ],
)
def test_a_number_somebody_typed_into_a_matter_stays_in_the_house(said: str) -> None:
    assert not re.search(r"\d{3}", mask_numbers(said))


def test_house_numbers_and_years_are_told() -> None:
    said = "88 Nathan Road, 12/F, since 2026-11"
    assert mask_numbers(said) == said


def test_what_somebody_typed_cannot_fill_in_more() -> None:
    body = HOUSE.write("task", {**FULL, "what": "{link} {number}\n{state}"}, "en").body
    assert "Text: {link} {number} {state}" in body


def test_waits_grow_and_come_to_an_end() -> None:
    for channel, waits in words().waits.items():
        assert list(waits) == sorted(waits)
        assert words().wait(channel, 1) == waits[0]
        assert words().wait(channel, len(waits)) == waits[-1]
        assert words().wait(channel, len(waits) + 1) is None
        assert words().tries(channel) == len(waits) + 1
    # A department's system may be down over a weekend.
    assert sum(words().waits["webhook"], timedelta()) > timedelta(days=3)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"texts": {}}, "alert are missing"),
        ({"waits": {"email": ["soon"]}}, "not like 5s"),
        ({"waits": {"pigeon": ["5s"]}}, "pigeon"),
    ],
)
def test_a_mistake_in_the_file_is_found_when_it_is_read(
    change: dict[str, object], problem: str
) -> None:
    good = words().model_dump(mode="json")
    waits = {"email": ["5s"], "sms": ["5s"], "webhook": ["5s"]}
    with pytest.raises(ValueError, match=problem):
        Words.model_validate({**good, "waits": waits, **change})


def test_a_placeholder_nobody_fills_in_is_found_too() -> None:
    good = words().model_dump(mode="json")
    good["waits"] = {"email": ["5s"], "sms": ["5s"], "webhook": ["5s"]}
    good["texts"]["task"]["body"]["en"] = "Call {caller}"
    with pytest.raises(ValueError, match="nobody fills in caller"):
        Words.model_validate(good)
