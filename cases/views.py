"""Saved views of the list of cases: a name for what an address asks for, one's own or shared by a supervisor."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint, delete, false, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cases import permissions
from cases.errors import Refused
from cases.permissions import SEE_CASES, SHARE_VIEWS, Person
from cases.record import Id, Record

NAME_LENGTH = 60
QUERY_LENGTH = 1000
# So many anybody may keep; more is no list to choose from.
MOST = 30


class View(Record):
    """`query`: the address of the list after the question mark; `shared`: with everybody who sees all
    cases."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("owner", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    query: Mapped[str] = mapped_column(String(QUERY_LENGTH))
    shared: Mapped[bool] = mapped_column(default=False, server_default=false())
    made_at: Mapped[datetime]


def of(session: Session, person: Person) -> list[View]:
    """Those a person has to choose from, one's own first."""
    mine = View.owner == person.actor
    theirs = View.shared if permissions.may(person.role, SEE_CASES) else false()
    found = session.scalars(select(View).where(or_(mine, theirs)).order_by(View.name, View.id))
    return sorted(found, key=lambda view: view.owner != person.actor)


def save(
    session: Session, name: str, query: str, *, by: Person, now: datetime, shared: bool = False
) -> View:
    """Keep what the list shows under a name; one's own view of that name shows this from now on.

    Raises Refused: `incomplete` without a name, `too_long`, `views_enough`, `forbidden` to share.
    """
    name = " ".join(name.split())
    if not name:
        raise Refused("incomplete", missing=["name"])
    if len(name) > NAME_LENGTH or len(query) > QUERY_LENGTH:
        raise Refused("too_long", most=NAME_LENGTH)
    if shared:
        permissions.require(by.role, SHARE_VIEWS)
    mine = [view for view in of(session, by) if view.owner == by.actor]
    view = next((one for one in mine if one.name == name), None)
    if view is None:
        if len(mine) >= MOST:
            raise Refused("views_enough", most=MOST)
        view = View(owner=by.actor, name=name)
        session.add(view)
    view.query, view.shared, view.made_at = query, shared, now
    session.flush()
    return view


def remove(session: Session, view_id: int, *, by: Person) -> None:
    """Forget a view: one's own, or a shared one for whoever may share. One that is gone stays so."""
    allowed = View.owner == by.actor
    if permissions.may(by.role, SHARE_VIEWS):
        allowed = or_(allowed, View.shared)
    session.execute(delete(View).where(View.id == view_id, allowed))
