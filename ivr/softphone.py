"""The browser telephone's exchange: what a page posts goes on to our own webhooks as a provider sends it.

The page walks the TwiML; it never holds the account's token. A relay fills in what a provider would say,
signs it and sends it through the web application like any other request, so that the same validation
runs. It keeps what was said until our own media job has fetched it, and speaks prompts aloud.

Whoever brings an id made by `cases.browser_calls` goes on with that call. Who gets one, the console says.
"""

import hmac
import io
import logging
import re
import time
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from urllib.parse import urlencode
from xml.etree import ElementTree

from flask import Blueprint, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from twilio.request_validator import RequestValidator
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException
from werkzeug.test import EnvironBuilder, run_wsgi_app

from cases import browser_calls, signins
from cases.browser_calls import BrowserKey
from cases.errors import Refused
from ivr.phone import Phone, Phones
from ivr.spoken import Speaker
from runtime import clock, keys
from runtime.database import transaction
from runtime.settings import Settings
from runtime.storage import Storage

log = logging.getLogger(__name__)

API_VERSION = "2010-04-01"
# The webhooks of a citizen's call to us, and nothing else that the application answers.
OPEN = frozenset(
    {"voice.answer", "voice.next_turn", "voice.recording", "voice.status", "voice.fallback"}
)
RECORDING = "voice.recording"
# What the page may say of its call; all else is filled in here.
SAYS: Mapping[str, str] = {
    "CallStatus": r"ringing|in-progress|completed|busy|no-answer|canceled|failed",
    "Digits": r"[0-9*#]{1,64}|hangup",
    "DialCallStatus": r"completed|answered|busy|no-answer|canceled|failed",
    "CallDuration": r"[0-9]{1,5}",
    "ErrorCode": r"[0-9]{5}",
    "ErrorUrl": r"[\x21-\x7e]{1,1000}",
}
# A call posts some dozens of webhooks; whoever posts more plays with us.
MOST_POSTS = 300
RATES = (8000, 16000)
LONGEST = 310  # seconds: the flow's longest recording, and a margin
SILENT = "16102"  # the provider's error number of a recording in which nobody spoke
SENDER = "WhistleBrowserPhone/1"


@dataclass(frozen=True)
class Desk:
    """What the relay works with."""

    phones: Phones
    key: BrowserKey
    storage: Storage
    speaker: Speaker

    @property
    def phone(self) -> Phone:
        """The telephone of the edition in force."""
        return self.phones.now


def recordings_url(settings: Settings) -> str:
    """What the addresses of recordings made in a browser begin with."""
    return f"{settings.public_base_url}/phone/recordings/"


def forget(storage: Storage, url: str) -> None:
    """Our media job has the recording; the copy that it was fetched from goes."""
    try:
        storage.delete(_place(url.rpartition("/")[2].removesuffix(".wav")))
    except FileNotFoundError:
        log.info("a recording from a browser was fetched twice")


def blueprint(phones: Phones) -> Blueprint:
    """`/phone/relay`, `/phone/recordings`, `/phone/speech`: only for a hotline whose telephone is on."""
    settings = phones.now.settings
    desk = Desk(
        phones=phones,
        key=BrowserKey(keys.secret(settings.state_dir, "data-key", settings.data_key)),
        storage=Storage(settings.recordings_url),
        speaker=Speaker(settings.state_dir / "speech"),
    )
    pages = Blueprint("softphone", __name__)
    _relay_route(pages, desk)
    _recording_routes(pages, desk)
    _speech_route(pages, desk)
    return pages


# --- the relay -----------------------------------------------------------------------------------------


def _relay_route(pages: Blueprint, desk: Desk) -> None:
    @pages.post("/phone/relay")
    def relay() -> ResponseReturnValue:
        """Send one webhook of a call; what was sent, and what was answered."""
        call_id = _call(desk)
        target, endpoint = _target(desk, request.form.get("url", ""))
        fields = _fields(desk, call_id, endpoint)
        _not_too_many(desk, call_id)
        return jsonify(_sent(desk, target, fields))


def _call(desk: Desk) -> str:
    call_id = request.values.get("call", "")
    if not desk.key.holds(call_id, clock.now()):
        abort(403)
    return call_id


def _target(desk: Desk, url: str) -> tuple[str, str]:
    """Path and query of a webhook of ours, and which one it is. Anything else is refused."""
    base = desk.phone.settings.public_base_url
    target = url.partition("#")[0]
    if target.startswith(base + "/"):
        target = target.removeprefix(base)
    path, _, query = target.partition("?")
    if not re.fullmatch(r"/voice[/a-z]*", path) or not re.fullmatch(r"[\x21-\x7e]{0,1500}", query):
        abort(400)
    if re.search(r"(^|&)try=", query):
        abort(400)  # a call of ours to a citizen, which none from a browser is
    try:
        endpoint, _ = current_app.url_map.bind("phone").match(path, "POST")
    except (HTTPException, RoutingException):
        abort(400)
    if endpoint not in OPEN:
        abort(400)
    return target, str(endpoint)


def _fields(desk: Desk, call_id: str, endpoint: str) -> dict[str, str]:
    """The form as a provider fills it in."""
    said = _said()
    recorded = _recorded(desk, call_id)
    usual = {
        "AccountSid": desk.phone.settings.twilio_account_sid or "AC" + "0" * 32,
        "CallSid": call_id,
        "ApiVersion": API_VERSION,
    }
    if endpoint == RECORDING:
        # A callback says neither who calls nor how the call stands.
        return {**usual, **_callback(recorded)}
    caller, number = _caller(desk), desk.phone.city.hotline
    return {
        **usual,
        "CallStatus": "in-progress",
        "Direction": "inbound",
        **dict.fromkeys(("From", "Caller"), caller),
        **dict.fromkeys(("To", "Called"), number),
        **recorded,
        **said,
        **(_ended(said) if endpoint == "voice.status" else {}),
    }


def _said() -> dict[str, str]:
    said = {name: request.form[name] for name in SAYS if name in request.form}
    for name, value in said.items():
        if not re.fullmatch(SAYS[name], value):
            abort(400)
    return said


def _caller(desk: Desk) -> str:
    caller = request.form.get("from", browser_calls.WITHHELD)
    own = browser_calls.numbers(desk.phone.city.country_prefix)
    return caller if caller in (browser_calls.WITHHELD, *own) else abort(400)


def _ended(said: Mapping[str, str]) -> dict[str, str]:
    seconds = int(said.get("CallDuration", "0"))
    return {
        "Duration": str(seconds // 60 + 1),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "0",
        "Timestamp": format_datetime(clock.now()),
    }


def _recorded(desk: Desk, call_id: str) -> dict[str, str]:
    """What a provider says of the recording that the page names by its number; {} if it names none."""
    if "take" not in request.form:
        return {}
    recording = desk.key.recording_id(call_id, _take())
    url = f"{recordings_url(desk.phone.settings)}{recording}.wav"
    known = {"RecordingSid": recording, "RecordingUrl": url}
    if request.form.get("recorded") == "absent":
        return {**known, "RecordingDuration": "0", "RecordingStatus": "absent"}
    # By what we told when it was handed in: our media job may have taken it away by now.
    seconds, proof = request.form.get("seconds", ""), request.form.get("proof", "")
    if not _is(desk.key.proof_of_length(recording, seconds), proof):
        abort(400)
    return {**known, "RecordingDuration": seconds}


def _is(proof: str, claimed: str) -> bool:
    return hmac.compare_digest(proof.encode(), claimed.encode())


def _callback(recorded: Mapping[str, str]) -> dict[str, str]:
    if not recorded:
        abort(400)
    silent = {"ErrorCode": SILENT} if recorded.get("RecordingStatus") == "absent" else {}
    return {
        "RecordingStatus": "completed",
        "RecordingChannels": "1",
        "RecordingSource": "RecordVerb",
        "RecordingTrack": "both",
        **silent,
        **recorded,
    }


def _take() -> int:
    text = request.values.get("take", "")
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= browser_calls.MOST_TAKES:
        abort(400)
    return int(text)


def _not_too_many(desk: Desk, call_id: str) -> None:
    try:
        with transaction(desk.phone.engine) as session:
            signins.count_try(session, (f"phone:{call_id}",), clock.now(), most=MOST_POSTS)
    except Refused:
        abort(429)


def _sent(desk: Desk, target: str, fields: Mapping[str, str]) -> dict[str, object]:
    """The webhook goes through the whole application, its check of signatures before all else."""
    url = desk.phone.settings.public_base_url + target
    signature = _signature(desk.phone.settings, url, fields)
    headers = {"User-Agent": SENDER}
    if signature:
        headers["X-Twilio-Signature"] = signature
    builder = EnvironBuilder(
        path=target.partition("?")[0],
        query_string=target.partition("?")[2] if "?" in target else None,
        method="POST",
        data=urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers=list(headers.items()),
        environ_overrides={"REMOTE_ADDR": request.remote_addr or "", "RAW_URI": target},
    )
    began = time.monotonic()
    parts, status, told = run_wsgi_app(current_app.wsgi_app, builder.get_environ(), True)
    body = b"".join(parts).decode("utf-8", "replace")
    return {
        "url": url,
        "form": list(fields.items()),
        "signature": signature,
        "status": int(status.partition(" ")[0]),
        "type": told.get("Content-Type", ""),
        "body": body,
        "ms": round((time.monotonic() - began) * 1000, 1),
        "says": _says(desk, body),
    }


def _signature(settings: Settings, url: str, fields: Mapping[str, str]) -> str:
    if not settings.auth_tokens:
        return ""
    return str(RequestValidator(settings.auth_tokens[0]).compute_signature(url, dict(fields)))


def _says(desk: Desk, body: str) -> list[dict[str, str]]:
    """Every text the caller is to hear, with the proof by which the page gets it spoken."""
    if not desk.speaker.speaks:
        return []
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return []
    said = [(one.get("language", ""), one.text or "") for one in root.iter("Say")]
    return [
        {"language": language, "text": text, "proof": desk.key.proof_of_words(language, text)}
        for language, text in said
    ]


# --- what was said -------------------------------------------------------------------------------------


def _recording_routes(pages: Blueprint, desk: Desk) -> None:
    @pages.post("/phone/recordings")
    def keep() -> ResponseReturnValue:
        """Keep the sound of a recording, posted as it is: WAV, 16-bit, mono, 8 or 16 kHz."""
        call_id, take = _call(desk), _take()
        sound = _sound(request.get_data())
        if sound is None:
            return "a WAV file is wanted: 16-bit, mono, 8 or 16 kHz\n", 415
        recording = desk.key.recording_id(call_id, take)
        desk.storage.write(_place(recording), sound)
        seconds = str(max(1, round(_seconds(sound))))
        proof = desk.key.proof_of_length(recording, seconds)
        return jsonify({"recording": recording, "seconds": seconds, "proof": proof}), 201

    keep.takes = LONGEST * max(RATES) * 2 + 1024  # type: ignore[attr-defined]

    @pages.get("/phone/recordings/<name>.wav")
    def recording(name: str) -> ResponseReturnValue:
        """The sound, for our own media job, which was told where it lies."""
        if not re.fullmatch("RE[0-9a-f]{32}", name):
            abort(404)
        try:
            return Response(desk.storage.read(_place(name)), mimetype="audio/wav")
        except FileNotFoundError:
            abort(404)


def _place(recording: str) -> str:
    return f"phone/{recording}.wav"


def _sound(posted: bytes) -> bytes | None:
    """The samples in a WAV file of our own making, whatever else was in theirs; None if it is not one."""
    try:
        with wave.open(io.BytesIO(posted)) as given:
            form = given.getnchannels(), given.getsampwidth()
            rate, frames = given.getframerate(), given.readframes(LONGEST * max(RATES))
    except (wave.Error, EOFError):
        return None
    if form != (1, 2) or rate not in RATES or not frames:
        return None
    made = io.BytesIO()
    with wave.open(made, "wb") as ours:
        ours.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        ours.writeframes(frames[: LONGEST * rate * 2])
    return made.getvalue()


def _seconds(sound: bytes) -> float:
    with wave.open(io.BytesIO(sound)) as made:
        return float(made.getnframes() / made.getframerate())


# --- prompts spoken aloud ------------------------------------------------------------------------------


def _speech_route(pages: Blueprint, desk: Desk) -> None:
    @pages.post("/phone/speech")
    def speech() -> ResponseReturnValue:
        """A text that a call was given to say, as sound; no other text is spoken."""
        language, text = request.form.get("language", ""), request.form.get("text", "")
        proof = desk.key.proof_of_words(language, text)
        if not _is(proof, request.form.get("proof", "")):
            abort(403)
        sound = desk.speaker.say(text, language)
        return Response(sound, mimetype="audio/wav") if sound else abort(404)
