"""Whatever is changed in an exported file: the figures stay the same, or the file is refused."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from bench import city as year
from cases import export, history, kpis, outcomes
from cases.recount import Recount, Tampered, recount
from runtime import clock
from runtime.database import transaction
from tests.integration.test_rates import DAY, SINCE, UNTIL, city, exported
from tests.unit.cases.conftest import NOW

__all__ = ["city"]

# What somebody who wants better figures might write, and what is no value at all.
VALUES = (
    *(None, True, False, 0, "very", "answered", "not_reached", "cancelled", "closed", "desk"),
    *("hyd", "nonsense", "2026-10-01T00:00:00+00:00", "2026-11-30T00:00:00+00:00", "2026-11-30"),
)
# Of these a figure is never made.
NEVER_COUNTED = {"recordings", "flags", "slots", "clocks", "referrals", "whistles"}
Where = tuple[str | int, ...]
Row = dict[str, Any]


def places(value: object, at: Where = ()) -> Iterator[Where]:
    """Every place in a row: of each single value, and of each member of a list."""
    as_list = dict(enumerate(value)) if isinstance(value, list) else {}
    for key, one in (value if isinstance(value, dict) else as_list).items():
        if key not in NEVER_COUNTED:
            yield (*at, key)
            yield from places(one, (*at, key))


def changed(row: Row) -> Iterator[Row]:
    """The row with one value replaced, or one member of a list gone or there twice."""
    for *path, last in places(row):
        for value in VALUES:
            yield _with(row, path, lambda found, last=last, value=value: {**found, last: value})
        yield _with(row, path, lambda found, last=last: _less(found, last))


def _with(row: Row, path: Sequence[str | int], change: Any) -> Row:
    whole = copy.copy(row)
    if not path:
        return dict(change(whole))
    whole[str(path[0])] = _inside(whole[str(path[0])], path[1:], change)
    return whole


def _inside(value: Any, path: Sequence[str | int], change: Any) -> Any:
    if not path:
        return _changed_list(value, change) if isinstance(value, list) else change(value)
    as_dict = dict(enumerate(value)) if isinstance(value, list) else dict(value)
    as_dict[path[0]] = _inside(as_dict[path[0]], path[1:], change)
    return list(as_dict.values()) if isinstance(value, list) else as_dict


def _changed_list(value: list[Any], change: Any) -> list[Any]:
    return list(change(dict(enumerate(value))).values())


def _less(found: Row, last: str | int) -> Row:
    return {key: value for key, value in found.items() if key != last}


def figures(rows: list[Row]) -> list[Recount]:
    periods = ((SINCE, UNTIL), (SINCE, NOW + DAY))
    return [recount(rows, by, *period) for by in kpis.BY for period in periods]


def test_no_single_change_changes_a_figure_unnoticed(city: Engine) -> None:
    rows, slipped, refused = exported(city), [], 0
    # One that was answered, one excluded, one a leader took, one nobody reached.
    for row in (rows[0], rows[4], rows[5], rows[8]):
        before = figures([row])
        for other in changed(row):
            try:
                after = figures([other])
            except Tampered as error:
                assert "\n" not in str(error)
                refused += 1
                continue
            if after != before:
                slipped.append({k: v for k, v in other.items() if v != row.get(k)})
    assert not slipped
    assert refused > 1000


@pytest.mark.parametrize("which", [0, 8])
def test_a_case_that_is_there_twice_is_refused(city: Engine, which: int) -> None:
    rows = exported(city)
    with pytest.raises(Tampered, match="twice"):
        recount([*rows, rows[which]], "city", SINCE, UNTIL)


def test_a_case_that_was_left_out_or_sealed_anew_shows_in_the_digest(city: Engine) -> None:
    rows = exported(city)
    with transaction(city) as session:
        digest = history.digest(session)
    assert recount(rows, "city", SINCE, UNTIL).digest == digest
    assert recount(rows[1:], "city", SINCE, UNTIL).digest != digest
    forged = copy.deepcopy(rows)
    forged[0]["history"].pop()
    forged[0]["seal"] = forged[0]["history"][-1]["seal"]
    forged[0].update(status="resolved", followups=[])
    assert recount(forged, "city", SINCE, UNTIL).digest != digest


def test_the_order_of_the_lines_makes_no_difference(city: Engine) -> None:
    rows = exported(city)
    assert figures(rows) == figures(rows[::-1])


@pytest.mark.parametrize("by", kpis.BY)
def test_a_year_of_a_city_is_counted_the_same_from_its_file(engine: Engine, by: str) -> None:
    now = clock.now()
    year.fill([engine], 300, now)
    period = (now - year.YEAR, now)
    with transaction(engine) as session:
        found = recount(export.batch(session).rows, by, *period)
        assert found.said == outcomes.said(session, by, *period)
        assert found.handled == outcomes.handled(session, by, *period)
        assert found.excluded == outcomes.excluded(session, *period)
        assert found.excluded and found.said.total() > 200
