"""Who may do what, as one table. The check, the console's buttons and the tests all read it.

An action of a case's lifecycle is a permission of the same name.
"""

from collections.abc import Mapping

from cases.errors import Refused

SEE_CASES = "see_cases"
HEAR_RECORDINGS = "hear_recordings"
REVEAL_NUMBER = "reveal_number"
CONFIRM = "confirm"
CLOSE = "close"
REOPEN = "reopen"
MANAGE_AGENTS = "manage_agents"

_READING = frozenset({SEE_CASES, HEAR_RECORDINGS})
_WORKING = _READING | {CONFIRM, CLOSE, REVEAL_NUMBER}
_SUPERVISING = _WORKING | {REOPEN}

ROLES: Mapping[str, frozenset[str]] = {
    "agent": _WORKING,
    "supervisor": _SUPERVISING,
    "auditor": _READING,
    "admin": _SUPERVISING | {MANAGE_AGENTS},
}


def may(role: str, permission: str) -> bool:
    """Whether the role has the permission. A role nobody knows has none."""
    return permission in ROLES.get(role, frozenset())


def require(role: str, permission: str) -> None:
    """Raises Refused("forbidden") unless the role has the permission."""
    if not may(role, permission):
        raise Refused("forbidden", permission=permission)
