"""The figures of the database are those that anybody reckons from the exported file, or the file says why not."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from cases import case as case_module
from cases import duty, exclusions, export, followups, history, kpis, merges, outcomes, replies
from cases.agents import by_name
from cases.case import Case
from cases.permissions import SYSTEM
from cases.recount import Tampered, recount
from console.__main__ import commands
from runtime.database import transaction
from tests.conftest import environment
from tests.unit.cases.conftest import NOW, TERMS, Records
from tests.unit.cases.test_referrals import Desk

DAY = timedelta(days=1)
SINCE, UNTIL = NOW - 30 * DAY, NOW + 30 * DAY
# department, contacted, solved, satisfied; None for who was not reached.
STORIES = [
    *[("hyd", "yes", "yes", "very")] * 4,
    ("hyd", "yes", "no", "no"),
    ("hyd", "no", "yes", "fairly"),
    ("emsd", "yes", "yes", "fairly"),
    ("emsd", "no", "no", "no"),
    ("emsd", None, None, None),
]


def told(desk: Desk, department: str, contacted: str | None, solved: str, satisfied: str) -> None:
    """One case from the referral to what the citizen says of it."""
    desk.confirmed().refer(department)
    desk.accept(department)
    officer = desk.of(department)
    replies.resolve(
        desk.session, desk.case, "Mended.", "done", by=officer, terms=TERMS, now=NOW + DAY
    )
    asked = followups.of_case(desk.session, desk.case.id)[-1]
    by, now = desk.desk(), NOW + 2 * DAY
    if contacted is None:
        followups.give_up(desk.session, asked.id, by=by, now=now)
        return
    given = {"contacted": contacted, "solved": solved, "satisfied": satisfied}
    followups.answer(desk.session, asked.id, given, by=by, terms=TERMS, now=now)


@pytest.fixture
def city(engine: Engine) -> Engine:
    """Nine resolved cases, one of them excluded, one taken by a leader."""
    with transaction(engine) as session:
        records = Records(session)
        for number, story in enumerate(STORIES):
            desk = Desk(records, records.message(f"CA{number}")[0])
            told(desk, *story)  # type: ignore[arg-type]
            session.flush()
            if number == 4:
                one = exclusions.ask(
                    session, desk.case, "a quarrel", by=desk.person("b", "supervisor"), now=NOW
                )
                by = desk.person("c", "coordinator")
                exclusions.decide(session, one, True, "Agreed.", by=by, now=NOW)
            if number == 5:
                leader = desk.leader()
                agent = by_name(session, "one who leads")
                assert agent is not None
                duty.add(session, agent, NOW, NOW + DAY, by=SYSTEM, now=NOW)
                duty.take(session, desk.case, by=leader, now=NOW)
    return engine


def exported(engine: Engine) -> list[dict[str, Any]]:
    """The rows as a file holds them."""
    with transaction(engine) as session:
        return [json.loads(json.dumps(row)) for row in export.batch(session).rows]


def test_the_figures_are_those_reckoned_by_hand(city: Engine) -> None:
    with transaction(city) as session:
        said = outcomes.said(session, "department", SINCE, UNTIL)
    units = {one.group: one for one in kpis.report(kpis.policy("10-50-40"), said).units}
    hyd, emsd = units["hyd"], units["emsd"]
    # hyd: 5 of its 6 count; 4 of 5 contacted, 5 of 5 solved, 4 + .9 of 5 satisfied.
    assert (hyd.asked, hyd.valid, hyd.excluded) == (5, 5, 1)
    assert kpis.figure(hyd.score, 1) == "97.2"  # 8 + 50 + 39.2
    # emsd: 3 asked, 2 answered; 1 of 2 contacted, 1 of 2 solved, .9 of 2 satisfied.
    assert (emsd.asked, emsd.valid) == (3, 2)
    assert kpis.figure(emsd.score, 1) == "48.0"  # 5 + 25 + 18
    assert hyd.rank is None and emsd.rank is None  # too few to be ranked


@pytest.mark.parametrize("by", kpis.BY)
def test_the_file_alone_gives_the_same_counts(city: Engine, by: str) -> None:
    with transaction(city) as session:
        said = outcomes.said(session, by, SINCE, UNTIL)
        handled = outcomes.handled(session, by, SINCE, UNTIL)
        excluded = outcomes.excluded(session, SINCE, UNTIL)
        digest = history.digest(session)
    found = recount(exported(city), by, SINCE, UNTIL)
    assert (found.said, found.handled, found.excluded) == (said, handled, excluded)
    assert (found.cases, found.digest) == (len(STORIES), digest)
    assert said.total() == len(STORIES)


def test_a_period_counts_what_ended_in_it(city: Engine) -> None:
    with transaction(city) as session:
        assert not outcomes.said(session, "city", SINCE, NOW + DAY)
    assert not recount(exported(city), "city", SINCE, NOW + DAY).said


def test_not_solved_counts_against_the_closing_although_it_is_solved_later(city: Engine) -> None:
    with transaction(city) as session:
        records = Records(session)
        desk = Desk(records, records.message("CA-again")[0])
        told(desk, "hyd", "yes", "no", "no")
        officer, later = desk.of("hyd"), NOW + 3 * DAY
        replies.resolve(session, desk.case, "Again.", "done", by=officer, terms=TERMS, now=later)
        asked = followups.of_case(session, desk.case.id)[-1]
        given = {"contacted": "yes", "solved": "yes", "satisfied": "very"}
        followups.answer(session, asked.id, given, by=desk.desk(), terms=TERMS, now=later)
        said = outcomes.said(session, "department", SINCE, UNTIL)
    (hyd,) = (one for one in kpis.report(kpis.policy("10-50-40"), said).units if one.group == "hyd")
    assert kpis.percent(hyd.rates["solved"].share, 1) == "85.7"  # 6 of 7


def test_excluded_cases_are_listed_with_reason_and_approver(city: Engine) -> None:
    with transaction(city) as session:
        (one,) = outcomes.excluded(session, SINCE, UNTIL)
    assert (one.reason, one.department) == ("a quarrel", "hyd")
    assert one.asked_by != one.approved_by


def test_what_would_have_counted_is_listed_whenever_it_was_excluded(city: Engine) -> None:
    with transaction(city) as session:
        assert len(outcomes.excluded(session, NOW + DAY, UNTIL)) == 1  # answered on the second day
        assert not outcomes.excluded(session, NOW + 3 * DAY, UNTIL)


def test_a_guess_that_nobody_confirmed_is_no_category(city: Engine) -> None:
    with transaction(city) as session:
        case = session.scalars(select(Case).order_by(Case.id)).first()
        assert case is not None
        confirmed, case.category_confirmed = case.category, False
        groups = {one.group for one in outcomes.said(session, "category", SINCE, UNTIL)}
    assert groups == {confirmed, outcomes.NONE}


def close_and_reopen(desk: Desk, again: bool) -> None:
    by = desk.person("b", "supervisor")
    version = desk.case.version
    case_module.close(desk.session, desk.case, "Told.", version=version, by=by, now=NOW)
    desk.session.flush()
    if again:
        version = desk.case.version
        case_module.reopen(
            desk.session, desk.case, "No.", version=version, by=by, terms=TERMS, now=NOW
        )
        desk.session.flush()
        close_and_reopen(desk, again=False)


def test_the_first_call_is_the_desks_own_and_not_when_it_was_reopened(engine: Engine) -> None:
    with transaction(engine) as session:
        records = Records(session)
        for name in ("told", "reopened"):
            desk = Desk(records, records.message(name)[0])
            close_and_reopen(desk, again=name == "reopened")
        told(Desk(records, records.message("referred")[0]), "hyd", "yes", "yes", "very")
        handled = outcomes.handled(session, "department", SINCE, UNTIL)
    (desk_unit,) = (
        one
        for one in kpis.report(kpis.policy("1823"), Counter(), handled).units
        if one.group == "desk"
    )
    assert kpis.percent(desk_unit.rates["first_call"].share, 1) == "33.3"
    assert recount(exported(engine), "department", SINCE, UNTIL).handled == handled


def test_a_merged_case_counts_no_second_time(engine: Engine) -> None:
    """Three calls of one leak: the desk answers the main case; it has closed one case, not three."""
    with transaction(engine) as session:
        records = Records(session)
        main, *others = (Desk(records, records.message(f"{n}")[0]) for n in range(3))
        for one in others:
            version, by = one.case.version, one.desk()
            into = str(main.case.number)
            merges.merge(session, one.case, into, "so", by=by, version=version, now=NOW)
            session.flush()
        close_and_reopen(main, again=False)
        handled = outcomes.handled(session, "department", SINCE, UNTIL)
        assert sum(handled.values()) == 1 and next(iter(handled)).first_call
    assert recount(exported(engine), "department", SINCE, UNTIL).handled == handled
    with transaction(engine) as session:
        apart = session.get_one(Case, 2)
        how = {"version": apart.version, "by": SYSTEM, "terms": TERMS, "now": NOW}
        case_module.reopen(session, apart, "another", **how)
        session.flush()
        again = Desk(Records(session), apart)
        close_and_reopen(again, again=False)
        handled = outcomes.handled(session, "department", SINCE, UNTIL)
        assert sorted((one.first_call, n) for one, n in handled.items()) == [(False, 1), (True, 1)]
    assert recount(exported(engine), "department", SINCE, UNTIL).handled == handled


def test_a_file_that_hides_a_merge_is_found_out(engine: Engine) -> None:
    with transaction(engine) as session:
        records = Records(session)
        one, main = (Desk(records, records.message(name)[0]) for name in "ab")
        into, version, by = str(main.case.number), one.case.version, one.desk()
        merges.merge(session, one.case, into, "so", by=by, version=version, now=NOW)
    rows = exported(engine)
    rows[0]["merged_into"] = None
    with pytest.raises(Tampered, match="merged_into"):
        recount(rows, "department", SINCE, UNTIL)


def _answer(row: dict[str, Any]) -> None:
    row["followups"][0]["satisfied"] = "very"


def _history(row: dict[str, Any]) -> None:
    row["history"][2]["detail"] = {"category": "road"}


def _cut(row: dict[str, Any]) -> None:
    del row["history"][-1]


@pytest.mark.parametrize("change", [_answer, _history, _cut])
def test_a_file_that_was_changed_is_refused_and_says_where(
    city: Engine, change: Callable[[dict[str, Any]], None]
) -> None:
    rows = exported(city)
    change(rows[5])
    with pytest.raises(Tampered, match=str(rows[5]["number"])):
        recount(rows, "department", SINCE, UNTIL)


# --- by command ----------------------------------------------------------------------------------------


def run(engine: Engine, state: Path, *arguments: str, given: str | None = None) -> Any:
    url = engine.url.render_as_string(hide_password=False)
    with environment(DATABASE_URL=url, STATE_DIR=str(state)):
        return CliRunner().invoke(commands, arguments, input=given)


def test_the_commands_print_the_same_from_database_and_file(city: Engine, tmp_path: Path) -> None:
    file = run(city, tmp_path, "export").output
    which = ("--from", "2026-11-01", "--until", "2026-12-01", "--json")
    ours = run(city, tmp_path, "kpi", "report", "10-50-40", *which)
    theirs = run(city, tmp_path, "kpi", "recompute", "-", *which, given=file)
    assert ours.exit_code == theirs.exit_code == 0, ours.output + theirs.output
    assert json.loads(ours.stdout) == json.loads(theirs.stdout)
    assert json.loads(ours.stdout)["together"]["asked"] == 8
    assert [one["reason"] for one in json.loads(ours.stdout)["excluded"]] == ["a quarrel"]
    whole = run(city, tmp_path, "verify").stdout.split()[-1]
    assert theirs.stderr == f"9 cases, no history was changed. {whole}\n"
    table = run(city, tmp_path, "kpi", "10-50-40", *which[:-1])
    assert "no data" not in table.output and "97.2" in table.output
    assert "a quarrel" in table.output


@pytest.mark.parametrize(
    "arguments, given, says",
    [
        (("report", "no-such"), None, "there is no policy 'no-such'; there are 10-50-40"),
        (("recompute", "-"), "{}\n", "line 1 is not a case"),
        (("recompute", "-"), "not json\n", "line 1 is not a case"),
        (("recompute", "-", "--zone", "Nowhere"), "", "is not a time zone"),
        (
            ("report", "1823", "--from", "2026-02-02", "--until", "2026-02-01"),
            None,
            "ends before it begins",
        ),
    ],
)
def test_what_cannot_be_reckoned_is_one_clear_line(
    engine: Engine, tmp_path: Path, arguments: tuple[str, ...], given: str | None, says: str
) -> None:
    done = run(engine, tmp_path, "kpi", *arguments, given=given)
    assert done.exit_code == 1 and says in done.output
    assert "Traceback" not in done.output
