"""The life of a case: what may be done with it, from where, by whom, and what it becomes.

The table is told here a second time, on purpose: as a drawing, one row a status, one column a part.
"""

import pytest

from cases import lifecycle, permissions
from cases.errors import Refused

STATUSES = (
    *("received", "confirmed", "referred", "accepted"),
    *("whistled", "suspended", "resolved", "closed"),
)

# (status, action): what it becomes, the first where nothing else is said; who may; what it needs.
CELLS = {
    ("received", "confirm"): ("confirmed", "desk", "category"),
    ("received", "close"): ("closed", "desk", "note"),
    ("received", "merge"): ("closed", "desk system", "into note"),
    ("received", "blow"): (
        "whistled",
        "desk coordinator leader district lead system",
        "matter departments",
    ),
    ("received", "refer"): ("referred", "system", "lead"),
    ("confirmed", "confirm"): ("confirmed", "desk", "category"),
    ("confirmed", "close"): ("closed", "desk", "note"),
    ("confirmed", "merge"): ("closed", "desk system", "into note"),
    ("confirmed", "refer"): ("referred", "desk coordinator system", "lead"),
    ("confirmed", "blow"): (
        "whistled",
        "desk coordinator leader district lead system",
        "matter departments",
    ),
    ("referred", "accept"): ("accepted", "asked_to_lead", ""),
    ("referred", "join"): ("referred", "asked_to_support", ""),
    ("referred", "return"): ("referred whistled", "asked", "reason words department"),
    ("referred", "silence"): ("referred whistled", "system", ""),
    ("referred", "blow"): (
        "whistled",
        "desk coordinator leader district lead system",
        "matter departments",
    ),
    ("referred", "extend"): ("referred", "supervisor coordinator", "reason until"),
    ("accepted", "refer"): ("referred", "desk coordinator system", "lead reason"),
    ("accepted", "join"): ("accepted", "asked_to_support", ""),
    ("accepted", "return"): ("accepted whistled", "asked_to_support", "reason words department"),
    ("accepted", "silence"): ("accepted whistled", "system", ""),
    ("accepted", "blow"): (
        "whistled",
        "desk coordinator leader district lead system",
        "matter departments",
    ),
    ("accepted", "interim"): ("accepted", "lead called", "text"),
    ("accepted", "resolve"): ("resolved", "lead", "answer outcome"),
    ("accepted", "extend"): ("accepted", "supervisor coordinator", "reason until"),
    ("accepted", "suspend"): ("suspended", "supervisor coordinator", "reason until"),
    ("whistled", "join"): ("whistled", "asked_to_support", ""),
    # Blown again, a whistle calls those who are not there yet.
    ("whistled", "blow"): (
        "whistled",
        "desk coordinator leader district lead system",
        "matter departments",
    ),
    ("whistled", "interim"): ("whistled", "lead called", "text"),
    ("whistled", "resolve"): ("resolved", "lead coordinator", "answer outcome"),
    ("whistled", "extend"): ("whistled", "supervisor coordinator", "reason until"),
    ("suspended", "join"): ("suspended", "asked_to_support", ""),
    # A case that rests is not whistled.
    ("suspended", "return"): ("suspended", "asked_to_support", "reason words department"),
    ("suspended", "silence"): ("suspended", "system", ""),
    ("suspended", "resume"): ("accepted", "lead supervisor coordinator system", ""),
    ("resolved", "solved"): ("closed", "desk system", ""),
    ("resolved", "unsolved"): ("accepted whistled", "desk system", ""),
    ("resolved", "not_reached"): ("closed", "desk system", ""),
    ("closed", "reopen"): ("received accepted", "supervisor coordinator system", "note"),
}
ACTIONS = sorted({action for _, action in CELLS})
PARTS = (
    *("desk", "supervisor", "coordinator", "leader", "system"),
    *("asked", "asked_to_lead", "asked_to_support", "lead", "called", "district"),
)
MOVES = {
    "received": "desk",
    "confirmed": "desk",
    "referred": "asked",
    "accepted": "lead",
    "whistled": "lead called",
    "suspended": "lead",
    "resolved": "desk",
    "closed": "",
}
NEEDED = "category into note lead reason words department matter text answer"
GIVEN = dict.fromkeys(NEEDED.split(), "x")
GIVEN |= {"departments": "x y", "outcome": "done", "until": "2026-12-01"}


def test_the_table_has_the_statuses_actions_and_parts_told_here() -> None:
    assert lifecycle.STATUSES == STATUSES
    assert sorted(lifecycle.ACTIONS) == ACTIONS
    assert lifecycle.PARTS == PARTS
    assert set().union(*(t.who for t in lifecycle.TRANSITIONS)) <= {*PARTS}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_pair_of_status_and_action_is_allowed_or_refused(status: str, action: str) -> None:
    cell = CELLS.get((status, action))
    assert (action in lifecycle.actions(status)) == (cell is not None)
    if cell is None:
        with pytest.raises(Refused) as refused:
            lifecycle.target(status, action, GIVEN)
        assert refused.value.code == "not_now"
        return
    usual, *others = cell[0].split()
    assert lifecycle.target(status, action, GIVEN) == usual
    for other in (usual, *others):
        assert lifecycle.target(status, action, GIVEN, other) == other


@pytest.mark.parametrize("cell", CELLS)
def test_an_action_leads_nowhere_else(cell: tuple[str, str]) -> None:
    for status in {*STATUSES} - {*CELLS[cell][0].split()}:
        with pytest.raises(Refused) as refused:
            lifecycle.target(*cell, GIVEN, status)
        assert refused.value.code == "not_now"


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_may_do_what_is_told_here_and_nothing_else(
    status: str, action: str, part: str
) -> None:
    cell = CELLS.get((status, action))
    allowed = cell is not None and part in cell[1].split()
    assert lifecycle.may({part}, status, action) == allowed


@pytest.mark.parametrize("cell", [cell for cell in CELLS if CELLS[cell][2]])
def test_an_action_needs_what_it_needs(cell: tuple[str, str]) -> None:
    for needed in CELLS[cell][2].split():
        for nothing in ({}, {needed: None}, {needed: ""}, {needed: " \t"}):
            given = {name: text for name, text in GIVEN.items() if name != needed}
            with pytest.raises(Refused) as refused:
                lifecycle.target(*cell, {**given, **nothing})
            assert refused.value.code == "incomplete"
            assert refused.value.details["missing"] == [needed]


@pytest.mark.parametrize("cell", [cell for cell in CELLS if not CELLS[cell][2]])
def test_an_action_that_needs_nothing_is_done_with_nothing(cell: tuple[str, str]) -> None:
    assert lifecycle.target(*cell, {}) == CELLS[cell][0].split()[0]


@pytest.mark.parametrize("status", STATUSES)
def test_whose_move_it_is(status: str) -> None:
    assert " ".join(lifecycle.moves(status)) == MOVES[status]


@pytest.mark.parametrize("status", STATUSES)
def test_whose_move_it_is_has_a_way_on(status: str) -> None:
    """Something that leads out of the status, by those who must see to it."""
    ways = {
        action
        for (source, action), (targets, who, _) in CELLS.items()
        if source == status
        and targets.split() != [status]
        and {*MOVES[status].split()} & {*who.split()}
    }
    assert bool(ways) == (status != "closed")


def test_no_status_is_without_a_way_in_and_only_a_closed_case_may_rest() -> None:
    reached = {target for cell in CELLS.values() for target in cell[0].split()}
    assert reached == {*STATUSES}
    assert [status for status in STATUSES if not MOVES[status]] == ["closed"]


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(Refused):
        lifecycle.target("received", "explode", GIVEN)


ROLES_OF = {
    "desk": {"agent", "supervisor", "admin"},
    "supervisor": {"supervisor", "admin"},
    "coordinator": {"coordinator"},
    "leader": {"leader"},
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_role_may_what_one_of_its_parts_may(action: str) -> None:
    parts = {part for (_, a), cell in CELLS.items() if a == action for part in cell[1].split()}
    allowed = set().union(*(ROLES_OF.get(part, {"officer"}) for part in parts - {"system"}))
    assert {role for role in permissions.ROLES if permissions.may(role, action)} == allowed


@pytest.mark.parametrize("cell", [("received", "refer"), ("referred", "silence")])
def test_what_only_the_rules_do_by_themselves_is_no_act_of_a_person_then(
    cell: tuple[str, str],
) -> None:
    with pytest.raises(Refused) as refused:
        lifecycle.check({"desk", "coordinator"}, *cell)
    assert refused.value.code == "not_now"
    lifecycle.check({lifecycle.SYSTEM}, *cell)
