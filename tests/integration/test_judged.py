"""What people decide at the desk is what the next model is taught, and tells how good the last one was."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cases import case as case_rules
from cases import judged, transcripts
from cases.accesses import Access
from cases.case import Case
from cases.judged import Judged
from cases.permissions import SYSTEM, Person
from console.__main__ import commands
from runtime.database import transaction
from tests.conftest import environment
from tests.unit.cases.conftest import MEI, NOW, TERMS, Records
from tests.unit.cases.test_training import KINDS, KNOWN
from tests.unit.cases.test_transcripts import heard

ZONE = ZoneInfo("Asia/Hong_Kong")
BY_CODE = {one.code: one for one in KINDS}
LAMP, NOISE = "street-lamp", "noise"


@pytest.fixture
def records(engine: Engine) -> Iterator[Records]:
    """One transaction on an empty database."""
    with transaction(engine) as session:
        yield Records(session)


def decided(session: Session, said: str, category: str, number: int = 1, by: Person = MEI) -> Case:
    """A case whose caller said this, and of which somebody said what it is about."""
    case, claim = Records(session).ready_to_hear(f"CA{number}")
    assert transcripts.finish(session, claim, heard(said, language="yue"), KINDS, NOW)
    confirm(session, case, category, by)
    return case


def confirm(session: Session, case: Case, category: str, by: Person = MEI) -> None:
    session.flush()
    kind = BY_CODE[category]
    case_rules.confirm(session, case, kind, version=case.version, by=by, terms=TERMS, now=NOW)
    session.flush()


def all_of(session: Session) -> list[Judged]:
    return list(judged.batch(session, ZONE).judged)


def test_what_was_suggested_stands_beside_what_was_decided(records: Records) -> None:
    session = records.session
    case = decided(session, "樓下街燈壞咗", NOISE)
    [one] = all_of(session)
    assert (one.suggested, one.decided, one.department) == (LAMP, NOISE, case.department)
    assert one.confidence is not None and one.text == "樓下街燈壞咗"
    assert one.row.category == NOISE


def test_who_decides_again_corrects_the_decision_and_not_the_suggestion(records: Records) -> None:
    case = decided(records.session, "樓下街燈壞咗", NOISE)
    confirm(records.session, case, "trees" if "trees" in BY_CODE else LAMP)
    [one] = all_of(records.session)
    assert (one.suggested, one.decided) == (LAMP, case.category)


def test_what_nobody_decided_or_a_rule_did_teaches_nothing(records: Records) -> None:
    session = records.session
    case, claim = records.ready_to_hear("CA2")
    assert transcripts.finish(session, claim, heard("街燈", language="yue"), KINDS, NOW)
    assert all_of(session) == []
    case.category_confirmed = True
    session.flush()
    assert all_of(session) == []
    assert SYSTEM.actor == "system"


def test_decisions_are_counted_without_their_texts_from_a_moment_on(records: Records) -> None:
    session = records.session
    decided(session, "樓下街燈壞咗", NOISE)
    [one] = judged.since(session, NOW - timedelta(days=1))
    assert (one.suggested, one.decided) == (LAMP, NOISE)
    assert judged.since(session, NOW + timedelta(days=1)) == []


def test_the_share_that_was_right_has_an_n_and_an_interval_and_not_sure_is_no_suggestion(
    records: Records,
) -> None:
    for number, (said, category) in enumerate(
        [("街燈壞咗", LAMP), ("街燈唔着", LAMP), ("街燈好嘈", NOISE), ("今日天氣幾好", NOISE)]
    ):
        decided(records.session, said, category, number)
    found = judged.rates(all_of(records.session), lambda one: one.decided)
    lamps = found[LAMP]
    assert (lamps.n, lamps.share) == (2, Fraction(1))
    assert lamps.low is not None and 0 < lamps.low < 1
    assert sum(one.n for one in found.values()) == 3


def test_batches_come_one_after_the_other(records: Records) -> None:
    for number in range(3):
        decided(records.session, "街燈壞咗", LAMP, number)
    first = judged.batch(records.session, ZONE, limit=2)
    assert len(first.judged) == 2 and first.last is not None
    rest = judged.batch(records.session, ZONE, after=first.last, limit=2)
    assert len(rest.judged) == 1 and rest.last is None


# --- the commands

Run = Callable[..., Result]


@pytest.fixture
def run(engine: Engine, database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        with environment(DATABASE_URL=database_url, CITY="hongkong", STATE_DIR=str(tmp_path)):
            return CliRunner().invoke(commands, ["model", *arguments])

    return run


def test_decisions_are_exported_masked_and_the_log_of_accesses_tells_of_it(
    run: Run, engine: Engine
) -> None:
    with transaction(engine) as session:
        case, claim = Records(session).ready_to_hear()
        said = heard("街燈壞咗，打 91234567", masked_text="街燈壞咗，打 [phone]", language="yue")
        assert transcripts.finish(session, claim, said, KINDS, NOW)
        confirm(session, case, NOISE)
    told = run("export")
    assert told.exit_code == 0, told.output
    [row] = csv.DictReader(io.StringIO(told.output))
    assert (row["suggested"], row["category"], row["text"]) == (LAMP, NOISE, "街燈壞咗，打")
    with transaction(engine) as session:
        assert [one.kind for one in session.scalars(select(Access))] == ["exported"]
    assert "91234567" not in told.output


def test_the_cases_themselves_teach(run: Run, engine: Engine) -> None:
    some = [row for row in KNOWN if row.category in (LAMP, NOISE)][::2]
    with transaction(engine) as session:
        for number, row in enumerate(some):
            decided(session, row.text, row.category, number)
    result = run("train", "--from-cases", "--even-if-worse")
    assert result.exit_code == 0, result.output
    assert f"{len(some)} rows" in result.output and "Version 1 is in service" in result.output
    assert "noise" in run("accuracy").output
    assert run("train").exit_code == 2
