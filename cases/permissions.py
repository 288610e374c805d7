"""Who may do what, as one table. The check, the console's buttons and the tests all read it.

An action of a case's lifecycle is a permission of the same name: which roles may, follows from the
parts that the lifecycle's table names. Whether a person may do it with *this* case, the case says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cases import lifecycle
from cases.errors import Refused

SEE_CASES = "see_cases"
SEE_OWN_CASES = (
    "see_own_cases"  # those one's own department was asked for, has, is called to, or blew for
)
HEAR_RECORDINGS = "hear_recordings"
REVEAL_NUMBER = "reveal_number"
FOLLOW_UP = "follow_up"
WORK_DESK = "work_desk"  # take the next case that waits at the desk
TAKE_OVER = "take_over"  # a case that somebody else has in hand at this moment
OWN_SETTINGS = "own_settings"  # how one works at the console oneself
CORRECT_TEXT = "correct_text"  # write what was said where the machine heard it wrong
RULE = "rule"  # make a ruling 裁決 of who is responsible from a day on
SHARE_VIEWS = "share_views"
EXPORT = "export_cases"  # the masked text of what the list shows
EXPORT_WHOLE = "export_whole"  # with telephone and identity numbers
CONFIRM = "confirm"
CLOSE = "close"
REOPEN = "reopen"
MANAGE_AGENTS = "manage_agents"
READ_ARTICLES = "read_articles"
WRITE_ARTICLES = "write_articles"  # an officer those of the own department
EDIT_TEMPLATES = "edit_templates"
MARK_CALLERS = "mark_callers"  # say that a caller abuses the hotline
DECIDE_MARKS = "decide_marks"
SEE_MARKS = "see_marks"
MANAGE_KEYS = "manage_keys"
MANAGE_WEBHOOKS = "manage_webhooks"
MANAGE_JOBS = "manage_jobs"
SEE_SYSTEM = "see_system"
SEE_ADMIN = "see_admin"  # open the index of the pages of those who run the hotline
AUDIT = "audit"  # read who saw and did what, in all cases and by everybody
EDIT_CITY = "edit_city"  # change what a city's folder says: categories, prompts, flows ...
EDIT_ROUTING = "edit_routing"
SEE_WALL = "see_wall"  # how the hotline stands at this moment: counts alone
MANAGE_KIOSKS = "manage_kiosks"  # make links by which a screen shows the wall to whoever passes
MANAGE_ROSTER = "manage_roster"  # say which leader sits at the duty seat when
SEE_ALERTS = "see_alerts"
ACKNOWLEDGE = (
    "acknowledge"  # say of an alert that it was seen and what is done, and what it came to
)
CHOOSE_TOPIC = "choose_topic"  # say which problem is the topic of a month 每月一題, and who leads

OFFICER = "officer"


@dataclass(frozen=True)
class Person:
    """Who acts. `actor`: how the history names them (`system`, `agent:<id>`); `department`: whom an
    officer works for; `district`: whether that is a district office."""

    actor: str
    role: str
    department: str | None = None
    district: bool = False


SYSTEM = Person("system", "system")

# The parts each role can have in a case; an officer's come from the department's.
PARTS: Mapping[str, frozenset[str]] = {
    "agent": frozenset({lifecycle.DESK}),
    "supervisor": frozenset({lifecycle.DESK, lifecycle.SUPERVISOR}),
    "auditor": frozenset(),
    "admin": frozenset({lifecycle.DESK, lifecycle.SUPERVISOR}),
    OFFICER: frozenset(
        {
            *(lifecycle.ASKED, lifecycle.ASKED_TO_LEAD, lifecycle.ASKED_TO_SUPPORT),
            *(lifecycle.LEAD, lifecycle.CALLED, lifecycle.DISTRICT),
        }
    ),
    "coordinator": frozenset({lifecycle.COORDINATOR}),
    "leader": frozenset({lifecycle.LEADER}),
}

_READING = frozenset({SEE_CASES, HEAR_RECORDINGS, READ_ARTICLES})
_AT_THE_DESK = _READING | {
    *(REVEAL_NUMBER, FOLLOW_UP, WORK_DESK, CORRECT_TEXT),
    MARK_CALLERS,
}
_WARNED = frozenset({SEE_ALERTS, ACKNOWLEDGE})
_SUPERVISING = (
    _AT_THE_DESK
    | _WARNED
    | {
        *(TAKE_OVER, SEE_ADMIN, RULE, EDIT_ROUTING, WRITE_ARTICLES, EDIT_TEMPLATES),
        *(DECIDE_MARKS, SEE_MARKS),
        *(SHARE_VIEWS, EXPORT, EXPORT_WHOLE),
        *(SEE_WALL, MANAGE_KIOSKS, MANAGE_ROSTER, CHOOSE_TOPIC),
    }
)
_MACHINERY = frozenset({MANAGE_KEYS, MANAGE_WEBHOOKS, MANAGE_JOBS, SEE_SYSTEM})
_BESIDES: Mapping[str, frozenset[str]] = {
    "agent": _AT_THE_DESK,
    "supervisor": _SUPERVISING,
    "auditor": _READING | {SEE_ADMIN, AUDIT, SEE_ALERTS, SEE_MARKS, EXPORT, SEE_WALL},
    "admin": _SUPERVISING | _MACHINERY | {AUDIT, MANAGE_AGENTS, EDIT_CITY},
    OFFICER: frozenset({SEE_OWN_CASES, READ_ARTICLES, WRITE_ARTICLES, EXPORT}),
    "coordinator": _READING | _WARNED | {RULE, SHARE_VIEWS, EXPORT, SEE_WALL},
    "leader": _READING | _WARNED | {EXPORT, SEE_WALL},
}


def _actions(parts: frozenset[str]) -> frozenset[str]:
    return frozenset(t.action for t in lifecycle.TRANSITIONS if t.who & parts)


# What the people of each role may do. The system itself is no role that anybody can be given.
ROLES: Mapping[str, frozenset[str]] = {
    role: _BESIDES[role] | _actions(parts) | {OWN_SETTINGS} for role, parts in PARTS.items()
}


# What everybody is, in the order in which people are spoken of: an officer of a district department
# is a district office.
STANDINGS = (
    *("agent", OFFICER, lifecycle.DISTRICT, "supervisor", "coordinator", "leader"),
    *("auditor", "admin"),
)


def of_standing(standing: str) -> frozenset[str]:
    """What somebody of this standing may do, each in the cases that are theirs."""
    if standing == lifecycle.DISTRICT:
        return ROLES[OFFICER]
    if standing == OFFICER:
        return _BESIDES[OFFICER] | _actions(PARTS[OFFICER] - {lifecycle.DISTRICT})
    return ROLES[standing]


def may(role: str, permission: str) -> bool:
    """Whether the role has the permission. A role nobody knows has none."""
    return permission in ROLES.get(role, frozenset())


def require(role: str, permission: str) -> None:
    """Raises Refused("forbidden") unless the role has the permission."""
    if not may(role, permission):
        raise Refused("forbidden", permission=permission)
