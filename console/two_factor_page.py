"""`/settings/two-factor`: a code from a telephone as the second thing that a sign-in needs."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import segno
from flask import Blueprint, Response, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import admin_history, second_factor, signins
from cases.errors import Refused
from cases.permissions import OWN_SETTINGS
from console.door import NEWCOMER, needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

# Longer input is no code.
LONGEST = 64


def routes(pages: Blueprint, office: Office) -> None:
    """`/settings/two-factor`, the picture for the telephone, and what is done there."""

    @pages.get("/settings/two-factor")
    @needs(NEWCOMER)
    def two_factor() -> ResponseReturnValue:
        if g.here.must_choose:
            return redirect(url_for("console.new_password"), 303)
        return _page(office)

    @pages.get("/settings/two-factor/picture.svg")
    @needs(NEWCOMER)
    def two_factor_picture() -> ResponseReturnValue:
        """What the telephone's camera reads; there is none once the code is asked for."""
        if g.here.two_factors or g.here.must_choose:
            abort(404)
        picture = BytesIO()
        code = segno.make(_address(office, _secret(office)), error="m")
        code.save(picture, kind="svg", scale=5, border=4, dark="#000", light="#fff")
        return Response(picture.getvalue(), mimetype="image/svg+xml")

    @pages.post("/settings/two-factor")
    @needs(NEWCOMER)
    def two_factor_confirm() -> ResponseReturnValue:
        """The first right code switches it on, and every other sign-in of the same person off."""
        if g.here.must_choose:
            return redirect(url_for("console.new_password"), 303)
        return _with_codes(office, _confirm)

    @pages.post("/settings/two-factor/codes")
    @needs(OWN_SETTINGS)
    def two_factor_codes() -> ResponseReturnValue:
        """Ten new recovery codes in place of the old ones."""
        return _with_codes(office, _renew)

    @pages.post("/settings/two-factor/off")
    @needs(OWN_SETTINGS)
    def two_factor_off() -> ResponseReturnValue:
        try:
            if g.here.role in office.two_factor_roles:
                raise Refused("two_factor_needed")
            _count(office)
            with transaction(office.engine) as records:
                _check(records, office)
                second_factor.remove(records, g.here.agent_id)
                _tell(records, office, "two_factor_off")
        except Refused as no:
            return _refused(office, no)
        flash("two_factor.is_off")
        return redirect(url_for("console.two_factor"), 303)


def _with_codes(
    office: Office, work: Callable[[Session, Office], Sequence[str]]
) -> ResponseReturnValue:
    """The page that shows the recovery codes, once."""
    try:
        _count(office)
        with transaction(office.engine) as records:
            codes = work(records, office)
    except Refused as no:
        return _refused(office, no)
    return render_template("recovery_codes.html", codes=codes)


def _confirm(records: Session, office: Office) -> Sequence[str]:
    now, agent_id = clock.now(), g.here.agent_id
    codes = second_factor.confirm(records, office.second_factor, agent_id, _typed(), now)
    signins.end_others(records, g.here, now)
    signins.take_back(records, (signins.of_code(agent_id),))
    _tell(records, office, "two_factor_on")
    return codes


def _renew(records: Session, office: Office) -> Sequence[str]:
    _check(records, office)
    _tell(records, office, "recovery_codes")
    return second_factor.new_recovery_codes(records, office.second_factor, g.here.agent_id)


def _check(records: Session, office: Office) -> None:
    """Raises Refused("wrong_code") unless what was typed is a code of who is here."""
    agent_id = g.here.agent_id
    if not second_factor.check(records, office.second_factor, agent_id, _typed(), clock.now()):
        raise Refused("wrong_code")
    signins.take_back(records, (signins.of_code(agent_id),))


def _count(office: Office) -> None:
    """Raises Refused("wait") after too many wrong codes."""
    with transaction(office.engine) as records:
        signins.count_try(records, (signins.of_code(g.here.agent_id),), clock.now())


def _tell(records: Session, office: Office, what: str) -> None:
    who = {"about": g.here.actor, "name": g.here.name}
    admin_history.add(records, what, clock.now(), by=office.person(g.here), **who)


def _refused(office: Office, no: Refused) -> ResponseReturnValue:
    problem = g.wording(f"sign_in.{no.code}", **no.details)
    return _page(office, problem=problem), 429 if no.code == "wait" else 422


def _page(office: Office, **more: Any) -> str:
    with transaction(office.engine) as records:
        on = second_factor.is_on(records, g.here.agent_id)
        left = second_factor.recovery_codes_left(records, g.here.agent_id) if on else 0
    secret = "" if on else _secret(office)
    return render_template(
        "two_factor.html",
        on=on,
        left=left,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        needed=g.here.role in office.two_factor_roles,
        **more,
    )


def _secret(office: Office) -> str:
    with transaction(office.engine) as records:
        return second_factor.begin(records, office.second_factor, g.here.agent_id, clock.now())


def _address(office: Office, secret: str) -> str:
    issuer = f"{g.wording('name')} {office.city.hotline}"
    return second_factor.address(secret, g.here.name, issuer)


def _typed() -> str:
    return request.form.get("code", "")[:LONGEST]
