"""Reply templates: shipped as data, written anew by supervisors, filled in from the case."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cases import reply_templates
from cases.lifecycle import TRANSITIONS
from cases.pack import LANGUAGES
from cases.permissions import Person
from cases.reply_templates import ACTS, Template
from cases.script import fold
from tests.unit.cases.conftest import BOSS, MEI, NOW, Records
from tests.unit.cases.scene import refused

LAMPS = Template(
    code="",
    action="resolve",
    category="street-lamp",
    names={"yue": "街燈已修", "cmn": "路灯已修", "en": "The lamp is mended"},
    texts={"yue": "個案 {number} 的街燈已修好。", "en": "The lamp of {number} works."},
)


@pytest.fixture
def session(records: Records) -> Session:
    return records.session


def write(session: Session, template: Template = LAMPS, by: Person = BOSS) -> Template:
    return reply_templates.write(session, template, by=by, now=NOW)


def codes(session: Session, category: str | None) -> list[str]:
    return [one.code for one in reply_templates.for_case(session, category)]


class TestTheShippedOnes:
    def test_are_there_for_every_act_that_has_templates(self) -> None:
        assert {one.action for one in reply_templates.shipped().values()} == set(ACTS)

    def test_fill_a_blank_that_the_act_really_needs(self) -> None:
        needs = {one.action: one.needs for one in TRANSITIONS}
        assert all(blank in needs[action] for action, blank in ACTS.items())

    @pytest.mark.parametrize("code", reply_templates.shipped())
    def test_say_the_same_in_every_language_and_in_its_own_script(self, code: str) -> None:
        one = reply_templates.shipped()[code]
        assert set(one.texts) == set(LANGUAGES)
        blanks = {tuple(sorted(re.findall(r"\{\w+\}", text))) for text in one.texts.values()}
        assert len(blanks) == 1
        for words in (one.names, one.texts):
            assert fold(words["cmn"]) == words["cmn"]
            assert fold(words["yue"]) != words["yue"]


def test_a_supervisor_writes_one_for_a_category(session: Session) -> None:
    made = write(session)
    assert (made.code, made.version) == ("resolve-1", 1)
    assert codes(session, "street-lamp")[0] == "resolve-1"
    assert "resolve-1" not in codes(session, "refuse")
    assert "resolve-1" not in codes(session, None)
    assert set(made.texts) == {"yue", "en"}


def test_one_that_is_shipped_can_be_written_anew_and_withdrawn(session: Session) -> None:
    code = "resolve-done"
    shipped = reply_templates.shipped()[code]
    ours = write(session, replace(shipped, texts={"en": "Done."}))
    assert reply_templates.find(session, code) == ours and ours.version == 1
    write(session, replace(ours, withdrawn=True))
    assert code not in codes(session, None)
    assert code in [one.code for one in reply_templates.current(session)]
    assert [one.number for one in reply_templates.versions(session, code)] == [2, 1]


def test_nobody_else_writes_them(session: Session) -> None:
    for by in (MEI, Person("agent:5", "officer", "hyd"), Person("agent:5", "auditor")):
        with refused("forbidden"):
            write(session, by=by)


def test_it_needs_an_act_names_and_a_text_and_knows_its_blanks(session: Session) -> None:
    for wrong in ({"action": "blow"}, {"names": {"en": "x"}}, {"texts": {}}):
        with refused("incomplete"):
            write(session, replace(LAMPS, **wrong))  # type: ignore[arg-type]
    for blank in ("{phone}", "{}", "{number }"):
        with refused("unknown_blank"):
            write(session, replace(LAMPS, texts={"en": f"Call {blank}."}))


def test_who_writes_on_an_older_version_is_told(session: Session) -> None:
    made = write(session)
    write(session, made)
    with refused("changed"):
        write(session, made)


@pytest.mark.parametrize(
    "change",
    ["UPDATE reply_template_versions SET code = 'x'", "DELETE FROM reply_template_versions"],
)
def test_the_database_itself_keeps_what_was_written(session: Session, change: str) -> None:
    write(session)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(change))


def test_blanks_are_filled_in_and_one_that_is_not_known_stays_to_be_seen() -> None:
    facts = {"number": "260000013", "department": "{number}", "due": ""}
    filled = reply_templates.fill("{number} {department} {due} {other}", facts)
    assert filled == "260000013 {number} {due} {other}"
