"""`/phone`: call the hotline from a browser. Off, it is not there; on, it is for whoever is signed in, and
for anybody where the hotline runs on this machine alone.

This page gives out the ids of calls, shows what became of one, and hands out ready-made callers. The
TwiML is walked by `static/phone/`; what it posts goes through the relay of the telephone's own package.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any

import yaml
from flask import (
    Blueprint,
    abort,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask import session as cookie
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import browser_calls, permissions, recordings, signins
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from cases.permissions import EDIT_CITY
from console import languages
from console.addresses import address
from console.door import ANYBODY, needs
from console.office import BrowserPhone, Office
from runtime import clock
from runtime.database import transaction

# From one address, in a quarter of an hour.
MOST_CALLS = 30
SAMPLES = "calls.yaml"


@dataclass(frozen=True)
class Sample:
    """A ready-made caller: a WAV file, the language spoken in it, and what is said."""

    file: str
    language: str
    says: str


# What the page's own module says, in the reader's language.
SAYS = (
    *("phone.idle", "phone.ringing", "phone.on", "phone.press", "phone.speak", "phone.sending"),
    *("phone.over", "phone.beep", "phone.you_pressed", "phone.you_spoke", "phone.nothing_said"),
    *("phone.plays", "phone.officer", "phone.unknown_verb", "phone.trouble", "phone.too_many"),
    *("phone.mic.insecure", "phone.mic.denied", "phone.mic.none", "phone.mic.broken"),
    *("phone.file.broken", "phone.case", "phone.no_case", "phone.case.waits", "phone.case.ready"),
    *("phone.copy", "phone.copied", "phone.replay"),
    *("phone.replayed", "phone.form", "phone.answer", "phone.ms"),
)


def routes(pages: Blueprint, office: Office) -> None:
    """`/phone`, `/phone/calls`, `/phone/calls/<id>`, `/phone/samples/<file>`."""

    @pages.get("/phone")
    @needs(ANYBODY)
    @_for_callers(office)
    def phone_page(phone: BrowserPhone) -> ResponseReturnValue:
        """The telephone."""
        return render_template(
            "phone.html",
            numbers=browser_calls.numbers(office.city.country_prefix),
            withheld=browser_calls.WITHHELD,
            samples=_samples(phone.samples),
            base=office.house.base_url,
            says=_words(g.wording.language),
            trial=_trial(),
        )

    @pages.post("/phone/calls")
    @needs(ANYBODY)
    @_for_callers(office)
    def new_phone_call(phone: BrowserPhone) -> ResponseReturnValue:
        """The id of a new call. So many from one address, and no more."""
        whose = signins.of_address(f"phone:{address(request.remote_addr)}")
        try:
            with transaction(office.engine) as records:
                signins.count_try(records, (whose,), clock.now(), most=MOST_CALLS)
        except Refused as no:
            return jsonify(no.details), 429
        return jsonify({"call": phone.key.new_id(clock.now())}), 201

    @pages.get("/phone/calls/<call_id>")
    @needs(ANYBODY)
    @_for_callers(office)
    def phone_call(phone: BrowserPhone, call_id: str) -> ResponseReturnValue:
        """What became of a call, for who has its id."""
        if not phone.key.holds(call_id, clock.now()):
            abort(404)
        with transaction(office.engine) as records:
            return jsonify(_became(records, call_id))

    @pages.get("/phone/samples/<file>")
    @needs(ANYBODY)
    @_for_callers(office)
    def phone_sample(phone: BrowserPhone, file: str) -> ResponseReturnValue:
        """The sound of a ready-made caller."""
        known = {one.file for one in _samples(phone.samples)}
        if phone.samples is None or file not in known:
            abort(404)
        return send_from_directory(phone.samples, file, mimetype="audio/wav")


def _trial() -> str:
    """The drafts that are to be tried, for who may change the flows."""
    asked = request.args.get("trial", "")
    known = re.fullmatch(r"[1-9][0-9]{0,11}(-[1-9][0-9]{0,11}){0,8}", asked)
    return asked if known and g.here and permissions.may(g.here.role, EDIT_CITY) else ""


def _for_callers(office: Office) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A view for who may telephone: hands it the telephone, or says that there is none, or who must
    sign in first."""

    def around(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def only(**named: Any) -> ResponseReturnValue:
            phone = office.phone or abort(404)
            if phone.open or (g.here and not g.here.must_choose):
                return view(phone=phone, **named)  # type: ignore[no-any-return]
            if request.endpoint == "console.phone_page":
                cookie["goal"] = url_for("console.phone_page")
                return redirect(url_for("console.sign_in"), 303)
            abort(403)

        return only

    return around


def _words(language: str) -> Mapping[str, str]:
    """The words with their blanks, which the page's module fills in."""
    said = languages.messages()
    return {name.removeprefix("phone."): said[name][language] for name in SAYS}


def _became(records: Session, call_id: str) -> Mapping[str, Any]:
    """The case's number, the address of its page, and whether what was said is written down yet."""
    of_call = select(Case).join(Call, Call.id == Case.call_id).where(Call.provider_id == call_id)
    case = records.scalars(of_call).one_or_none()
    if case is None:
        return {"number": None}
    sounds = recordings.of_call(records, case.call_id)
    ready = all(one.status in recordings.FINAL for one in sounds)
    page = url_for("console.case_page", number=case.number)
    return {"number": case.number, "page": page, "ready": bool(sounds) and ready}


@cache
def _samples(folder: Path | None) -> tuple[Sample, ...]:
    """The callers in a folder: those of its list who say something."""
    if folder is None:
        return ()
    rows = yaml.safe_load((folder / SAMPLES).read_text(encoding="utf-8"))
    found = (Sample(str(row["file"]), str(row["language"]), str(row["says"])) for row in rows)
    return tuple(one for one in found if one.says)
