"""What the person at the console sees, hears or takes out of a citizen's data is written down."""

from typing import Any

from flask import g, request
from sqlalchemy.orm import Session

from cases import accesses
from console.office import Office
from runtime import clock


def note(records: Session, office: Office, kind: str, *case_ids: int, **detail: Any) -> None:
    """The person who is here does this with the data of these cases, on the page that is asked for."""
    page = str(request.endpoint).rpartition(".")[2]
    person = office.person(g.here)
    accesses.note(records, kind, case_ids, person, clock.now(), **{"page": page, **detail})
