"""The addresses the provider calls. Each checks, hands over, answers; nothing is decided here."""

import logging
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from callflows import engine
from callflows.position import Position, PositionError
from cases import browser_calls
from ivr import followup, ledger, signature, sms, sounds, turn, twiml
from ivr import form as forms
from ivr.ledger import Happened
from ivr.phone import Phone, Phones
from runtime import clock
from runtime.breaker import Unavailable
from runtime.settings import is_loopback

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
# Where a caller hears the answer.
SPEAKING = frozenset({"/voice", "/voice/turn", "/voice/followup", "/voice/followup/turn"})
Write = Callable[[Session, Phone, Happened], int | None]
FORM = "application/x-www-form-urlencoded"


def blueprint(phones: Phones) -> Blueprint:
    """All routes of the telephone, signed ones below /voice and the prompts' sound files."""
    voice = Blueprint("voice", __name__)
    _guard(voice, phones.now)
    _call_routes(voice, phones)
    _callback_routes(voice, phones)
    _followup_routes(voice, phones)
    sms.routes(voice, phones.now)
    _fallback_route(voice, phones)
    _prompt_route(voice, phones.now)
    return voice


def _guard(voice: Blueprint, phone: Phone) -> None:
    check = signature.of(phone.settings, phone.profile)

    @voice.before_app_request
    def believe_only_the_provider() -> Response | None:
        # By path and not by route, so that what is no route is refused just the same.
        if not request.path.startswith("/voice"):
            return None
        request.max_content_length = MAX_BODY
        believed = check.holds(request) if check else is_loopback(request.remote_addr or "")
        if not believed:
            log.warning("refused an unsigned or wrongly signed %s %s", request.method, request.path)
            return Response(status=403)
        if request.mimetype not in {"", FORM}:
            return Response(f"send {FORM}\n", status=415, mimetype="text/plain")
        return None


def _call_routes(voice: Blueprint, phones: Phones) -> None:
    @voice.post("/voice")
    def answer() -> Response:
        """A call is ringing. One from a browser may be there to try a draft."""
        trial = request.args.get("trial")
        phone = phones.on_trial(trial) if trial and _from_browser() else phones.now
        return _turn(phone, engine.begin(phone.callflow))

    @voice.post("/voice/turn")
    def next_turn() -> Response:
        """The caller pressed, spoke, or did nothing."""
        tries = "-" in request.args.get("edition", "")
        phone = phones.now if tries and not _from_browser() else phones.of_call(request.args)
        try:
            position = Position.from_query(request.args, phone.callflow)
        except PositionError as error:
            # Its flow cannot be had any more: greet again rather than fail the caller.
            log.warning("a call came back to a place that is gone: %s", error)
            position = engine.begin(phone.callflow)
        return _turn(phone, position)


def _callback_routes(voice: Blueprint, phones: Phones) -> None:
    @voice.post("/voice/recording")
    def recording() -> Response:
        """The provider has a recording ready, or tells that there is none."""
        phone = phones.now
        happened = _happened(phone, "recording")
        happened.form.announcement(None)
        return _told(phone, happened)

    @voice.post("/voice/status")
    def status() -> Response:
        """The call began, was answered, or ended."""
        phone = phones.now
        happened = _happened(phone, "status")
        if happened.form.call_status is None:
            raise forms.BadForm("CallStatus is missing")
        return _told(phone, happened)


def _followup_routes(voice: Blueprint, phones: Phones) -> None:
    sorry = twiml.another_time(phones.now)

    @voice.post("/voice/followup")
    def followup_answer() -> Response:
        """Somebody, or something, picked up a call of ours."""
        return _ours(phones.now)

    @voice.post("/voice/followup/turn")
    def followup_turn() -> Response:
        """Whom we rang pressed, spoke, or did nothing."""
        return _ours(phones.of_call(request.args))

    @voice.post("/voice/followup/status")
    def followup_status() -> Response:
        """A call of ours ended, or was never answered."""
        phone = phones.now
        happened = _happened(phone, "followup_status")
        if happened.form.call_status is None:
            raise forms.BadForm("CallStatus is missing")
        return _written(phone, happened, followup.write_status)

    @voice.post("/voice/followup/fallback")
    def followup_fallback() -> Response:
        """An address of ours failed in a call of ours: it ends politely, and counts as a try."""
        return _xml(sorry)


def _ours(phone: Phone) -> Response:
    happened = _happened(phone, "followup")
    move = followup.take(phone, happened)
    return _xml(twiml.render(phone.ringing_back(happened.token), move).encode())


def _fallback_route(voice: Blueprint, phones: Phones) -> None:
    # Made once, of what the process began with: nothing may be able to go wrong here.
    apology = twiml.static(phones.now, after_message=False)
    thanks = twiml.static(phones.now, after_message=True)
    another_time = twiml.another_time(phones.now)

    @voice.post("/voice/fallback")
    def fallback() -> Response:
        """Another address of ours failed. The answer is made already; noting the call may fail."""
        try:
            _told(phones.now, _happened(phones.now, "fallback"))
        except Exception:
            log.exception("a call that fell back could not be noted")
        return _xml(thanks if "said" in request.args else apology)

    @voice.errorhandler(forms.BadForm)
    def bad_form(error: forms.BadForm) -> Response:
        """No provider sends that: no event. Whoever reads the body as TwiML is told all the same."""
        log.warning("a form was refused: %s", error)
        if request.path in SPEAKING:
            return Response(apology, status=400, mimetype="text/xml")
        return Response(f"{error}\n", status=400, mimetype="text/plain")

    @voice.errorhandler(Exception)
    def a_caller_never_hears_our_error(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return Response(status=error.code)
        log.exception("an error on the telephone", exc_info=error)
        if request.path not in SPEAKING:
            return Response(status=503)
        return _xml(another_time if "followup" in request.path else apology)


def _prompt_route(voice: Blueprint, phone: Phone) -> None:
    folder = Path(phone.settings.city_folder).resolve() / "prompts" / "audio"
    uploaded = sounds.folder(phone.settings)

    @voice.get("/prompts/<path:name>")
    def prompt(name: str) -> Response:
        """The sound of a prompt, which the provider may keep."""
        if digest := sounds.digest_of(name):
            return send_from_directory(uploaded, f"{digest}.wav", max_age=86400)
        return send_from_directory(folder, name, max_age=86400)


def _from_browser() -> bool:
    """Whether it is a call of our own browser telephone: no citizen's call hears a draft."""
    return browser_calls.is_browser(request.form.get("CallSid", ""))


def _turn(phone: Phone, position: Position) -> Response:
    move = turn.take(phone, _happened(phone, "turn"), position)
    return _xml(twiml.render(phone, move).encode())


def _told(phone: Phone, happened: Happened) -> Response:
    return _written(phone, happened, ledger.write)


def _written(phone: Phone, happened: Happened, write: Write) -> Response:
    """Write down what a callback told; 503, so that the provider tells again, if nothing takes it."""
    try:
        recording_id = ledger.in_ledger(phone, lambda s: write(s, phone, happened))
    except Unavailable as why:
        kept = ledger.keep_for_later(phone, happened, why)
        return Response(status=204 if kept else 503)
    if recording_id is not None:
        phone.doorbell.ring("fetch", recording_id)
    return Response(status=204)


def _happened(phone: Phone, kind: str) -> Happened:
    return Happened(
        kind=kind,
        query=dict(request.args.items()),
        form=forms.read(request.form, phone.profile.id_grammar),
        at=clock.now(),
    )


def _xml(body: bytes) -> Response:
    return Response(body, mimetype="text/xml")
