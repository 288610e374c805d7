"""One simulated call: walks the hotline's TwiML with a scripted caller on the other end.

Time is simulated: prompts, waits and recordings cost seconds of the call, not of the test.
"""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeVar

from . import events, sound
from .callbacks import Callback, Callbacks
from .caller import Act, HangUp, Pickup, Press, Script, Speak, StaySilent
from .delivery import Delivery
from .form import Parties, end_fields, recording_form
from .media import MediaServer, Recording
from .profiles import Profile
from .signing import Form
from .take import Limits, Take, take
from .twiml import TwimlError, Verb
from .web import Answer, resolved
from .webhooks import Step, Webhooks

MOST_DOCUMENTS = 200  # a call that has fetched so many never ends by itself
_CHINESE_A_SECOND, _LETTERS_A_SECOND = 4.5, 15.0  # how fast a synthetic voice speaks, roughly
_SHORTEST_RECORDING = 0.2
_TALK = 60  # seconds that a call put through to the desk lasts

E = TypeVar("E", bound=events.Event)


@dataclass(frozen=True)
class Addresses:
    """The three addresses a number is configured with; all others are learnt from TwiML."""

    voice: str
    fallback: str
    status: str


class _HungUp(Exception):
    """The caller put the phone down."""


class _Ends(Exception):
    """The hotline, or the provider in its despair, ended the call."""

    def __init__(self, who: events.Who, status: str = "completed") -> None:
        super().__init__(who)
        self.who: events.Who = who
        self.status = status


@dataclass
class Call:
    """A call and everything that was heard, pressed, said, posted and found wrong on it.

    `pickup` is what happens when the hotline rings somebody, for `rings` seconds, for a call of no
    more than `longest`; None for a call to the hotline.
    """

    parties: Parties
    profile: Profile
    addresses: Addresses
    script: Script
    delivery: Delivery
    media: MediaServer
    token: str
    tell: Callable[[events.Event], None]
    desk: str = "no-answer"
    pickup: Pickup | None = None
    rings: int = 60
    longest: float = math.inf
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    status: str = "ringing"
    ended_at: datetime | None = None
    log: list[events.Event] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._webhooks = Webhooks(self.profile, self.token, self.delivery, self._report)
        self._callbacks = Callbacks(self.delivery, self._webhooks.send, self._complain)
        self._document = self.addresses.voice

    # What a test or the screen asks of a call

    @property
    def sid(self) -> str:
        return self.parties.call

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.log if isinstance(event, kind)]

    @property
    def heard(self) -> str:
        """Everything the caller heard, in one text."""
        return "\n".join(event.text for event in self.of(events.Hears))

    @property
    def trouble(self) -> list[events.Trouble]:
        return self.of(events.Trouble)

    def settle(self) -> None:
        """Wait until every late callback has been delivered."""
        self._callbacks.settle()

    # The life of a call

    def run(self) -> None:
        """Ring, follow the hotline's TwiML to the end, hang up, tell the status."""
        if self.pickup is not None and self.pickup.outcome != "answered":
            return self._ring_in_vain(self.pickup.outcome)
        self._emit(
            events.Rings(self.sid, 0.0, caller=self.parties.caller, number=self.parties.number)
        )
        status: str = "completed"
        who: events.Who = "hotline"
        try:
            self._follow(self._first_step())
        except _HungUp:
            who = "caller"
        except _Ends as end:
            status, who = end.status, end.who
        self._finish(status, who)

    def _first_step(self) -> Step:
        if self.pickup is None:
            return Step(self.addresses.voice, status="ringing")
        return Step(self.addresses.voice, more={"AnsweredBy": self.pickup.by})

    def _ring_in_vain(self, outcome: str) -> None:
        """Whom the hotline rings does not answer: only the status tells."""
        parties = self.parties
        self._emit(events.Rings(self.sid, 0.0, caller=parties.caller, number=parties.number))
        self.seconds += self.rings if outcome == "no-answer" else 1.0
        self._finish(outcome, "provider")

    def _follow(self, step: Step) -> None:
        for _ in range(MOST_DOCUMENTS):
            if self.seconds > self.longest:
                raise _Ends("provider")
            verbs = self._fetch(step)
            self._callbacks.action_answered()
            onward = self._walk(verbs)
            if onward is None:
                return
            step = onward
        self._trouble(0, step.url, f"the call still goes on after {MOST_DOCUMENTS} documents")
        raise _Ends("provider")

    def _fetch(self, step: Step) -> tuple[Verb, ...]:
        try:
            return self._fetch_from(step)
        except TwimlError as problem:
            self._trouble(problem.code, step.url, problem.what)
            return self._fetch_fallback(problem, step.url)

    def _fetch_fallback(self, problem: TwimlError, url: str) -> tuple[Verb, ...]:
        if not self.addresses.fallback:
            raise _Ends("provider") from problem
        more = {"ErrorCode": str(problem.code), "ErrorUrl": url}
        try:
            return self._fetch_from(Step(self.addresses.fallback, more=more))
        except TwimlError as worse:
            self._trouble(worse.code, self.addresses.fallback, worse.what)
            raise _Ends("provider") from worse

    def _fetch_from(self, step: Step) -> tuple[Verb, ...]:
        form = self.profile.form(self.parties, step.status, step.more)
        verbs = self._webhooks.fetch(step.url, step.method, form)
        self._document, self.status = step.url, "in-progress"
        return verbs

    def _walk(self, verbs: tuple[Verb, ...]) -> Step | None:
        """Do the verbs in order; the step one of them leads to, or None at the document's end."""
        for verb in verbs:
            step = _VERBS[verb.name](self, verb)
            if step is not None:
                return step
        return None

    def _finish(self, status: str, who: events.Who) -> None:
        self.status, self.ended_at = status, datetime.now(UTC)
        self._emit(events.HangsUp(self.sid, self.seconds, who))
        self._emit(events.Ended(self.sid, self.seconds, status))
        more = end_fields(self.seconds, self.ended_at)
        if self.pickup is not None and self.pickup.outcome == "answered":
            more["AnsweredBy"] = self.pickup.by
        form = self.profile.form(self.parties, status, more)
        if self.addresses.status:
            self._callbacks.add(Callback("status", self.addresses.status, "POST", form))
        self._callbacks.call_ended()

    def as_json(self) -> dict[str, Any]:
        """The fields of Twilio's Calls resource that anybody here asks for."""
        return {
            "sid": self.sid,
            "account_sid": self.parties.account,
            "from": self.parties.caller,
            "to": self.parties.number,
            "direction": self.parties.direction,
            "status": self.status,
            "answered_by": self.pickup.by if self.pickup and self.ended_at else None,
            "date_created": format_datetime(self.made),
            "duration": str(round(self.seconds)),
        }

    # What the caller hears

    def _say(self, verb: Verb, cut: bool = False) -> None:
        language = _LANGUAGES.get(verb.get("language"), verb.get("language", "en"))
        self._emit(events.Hears(self.sid, self.seconds, verb.text, language, cut=cut))
        self.seconds += 0.5 if cut else _seconds_to_say(verb.text)

    def _play(self, verb: Verb, cut: bool = False) -> None:
        url = resolved(self._document, verb.text)
        seconds = self._fetch_audio(url)
        name = re.sub(r"[?#].*", "", url).rpartition("/")[2]
        language = next((code for code in ("yue", "cmn", "en") if f"/{code}/" in url), "")
        self._emit(events.Hears(self.sid, self.seconds, f"[{name}]", language, url, cut))
        self.seconds += 0.5 if cut else seconds

    def _fetch_audio(self, url: str) -> float:
        """Seconds of the audio at `url`; 0 and trouble when it cannot be had (the call goes on)."""
        answer = self._webhooks.send(url, "GET", ())
        if answer.status != 200 or not answer.content_type.startswith("audio/"):
            self._trouble(11200, url, f"no audio to play: {answer.status} {answer.content_type}")
            return 0.0
        return len(answer.body) / (2 * sound.RATE)

    def _pause(self, verb: Verb) -> None:
        self.seconds += verb.number("length", 1)

    # What the caller does

    def _gather(self, verb: Verb) -> Step | None:
        act, began = self.script.at_keypad(_words(verb)), self.seconds
        self._prompt(verb, cut=isinstance(act, Press) and act.barge_in)
        if isinstance(act, HangUp):
            self.seconds += act.after
            raise _HungUp
        digits = self._keyed(act, verb)
        if isinstance(act, StaySilent) and act.really:
            time.sleep(self.seconds - began)
        if not digits and verb.get("actionOnEmptyResult") != "true":
            return None
        return self._onward(verb, {"Digits": digits})

    def _prompt(self, verb: Verb, cut: bool) -> None:
        """The nested Say and Play; a key pressed over them stops the first and skips the rest."""
        for child in verb.children[:1] if cut else verb.children:
            if child.name == "Pause":
                self._pause(child)
            else:
                (self._say if child.name == "Say" else self._play)(child, cut)

    def _keyed(self, act: Press | StaySilent, verb: Verb) -> str:
        """The digits that count: up to the finish key or the wanted number; the rest is lost."""
        timeout = float(verb.number("timeout", 5))
        if isinstance(act, StaySilent):
            self._emit(events.StaysSilent(self.sid, self.seconds, timeout))
            self.seconds += timeout
            return ""
        self._emit(events.Presses(self.sid, self.seconds, act.keys))
        finish = verb.get("finishOnKey", "#")
        typed, found, _ = act.keys.partition(finish) if finish else (act.keys, "", "")
        wanted = verb.number("numDigits", 1000)
        if not found and len(typed) < wanted:
            self.seconds += timeout
        return typed[:wanted]

    def _record(self, verb: Verb) -> Step | None:
        if verb.get("playBeep", "true") == "true":
            self._emit(events.HearsBeep(self.sid, self.seconds))
        act = self.script.after_beep()
        caught = take(act, Limits.of(verb))
        self._show(act, caught)
        self.seconds += caught.seconds
        is_empty = caught.is_empty and not self.delivery.silence_is_recorded
        recording = self._keep(caught, verb, is_empty)
        self._announce(recording, verb)
        lost = is_empty or "action" in self.delivery.lost
        step = None if lost else self._record_action(recording, caught, verb)
        if caught.hung_up:
            self._last_words(step)
            raise _HungUp
        return step

    def _show(self, act: Act, caught: Take) -> None:
        match act:
            case Speak():
                self._emit(events.Says(self.sid, self.seconds, act.says, caught.seconds))
            case Press():
                self._emit(events.Presses(self.sid, self.seconds + act.after, act.keys))
            case _:
                self._emit(events.StaysSilent(self.sid, self.seconds, caught.seconds))
        if isinstance(act, Speak) and act.then and not caught.hung_up:
            at = self.seconds + caught.seconds
            self._emit(events.Presses(self.sid, at, act.then))

    def _keep(self, caught: Take, verb: Verb, is_empty: bool) -> Recording:
        trims = verb.get("trim", "trim-silence") == "trim-silence"
        kept = sound.trimmed(caught.samples) if trims else caught.samples
        absent = is_empty or caught.seconds < _SHORTEST_RECORDING or not len(kept)
        recording = Recording(
            sid=self.profile.new_id("RE"),
            account=self.parties.account,
            call=self.sid,
            sound=sound.wav(kept, self.delivery.media.encoding),
            seconds=max(1, round(caught.seconds)),
            status="absent" if absent else self.delivery.recording,
            manners=self.delivery.media,
        )
        self.recordings.append(recording)
        self.media.keep(recording)
        self._emit(
            events.Recorded(
                self.sid, self.seconds, recording.sid, recording.seconds, recording.status
            )
        )
        return recording

    def _announce(self, recording: Recording, verb: Verb) -> None:
        """The recording's status callback, if the hotline asked to be told of such an outcome."""
        url, wanted = verb.get("recordingStatusCallback"), verb.get("recordingStatusCallbackEvent")
        if not url or recording.status not in {*(wanted or "completed").split(), "failed"}:
            return
        method = verb.get("recordingStatusCallbackMethod", "POST")
        address = resolved(self._document, url)
        more = self._recording_id(recording) | {"RecordingUrl": self.media.address_of(recording)}
        form = recording_form(recording, more)
        self._callbacks.add(Callback("recording callback", address, method, form))

    def _record_action(self, recording: Recording, caught: Take, verb: Verb) -> Step:
        more = {
            "RecordingUrl": self.media.address_of(recording),
            "RecordingDuration": str(recording.seconds),
        }
        if self.profile.full_record_action:
            digits = "hangup" if caught.hung_up else caught.key
            more |= self._recording_id(recording) | ({"Digits": digits} if digits else {})
        status = "completed" if caught.hung_up else "in-progress"
        return self._onward(verb, more, status)

    def _last_words(self, step: Step | None) -> None:
        """A recording ended by a hang-up has its action requested; the answer reaches nobody."""
        if step is None:
            return
        form = self.profile.form(self.parties, step.status, step.more)
        try:
            self._webhooks.fetch(step.url, step.method, form)
        except TwimlError as problem:
            self._trouble(problem.code, step.url, problem.what)
        self._callbacks.action_answered()

    def _recording_id(self, recording: Recording) -> dict[str, str]:
        return {"RecordingSid": recording.sid} if self.delivery.recording_id else {}

    # Where the call goes

    def _dial(self, verb: Verb) -> Step | None:
        target = verb.text or " ".join(child.text for child in verb.children)
        self._emit(events.DialsDesk(self.sid, self.seconds, target, self.desk))
        talked = self.desk == "answered"
        self.seconds += _TALK if talked else verb.number("timeout", 30)
        if not verb.get("action"):
            return None
        more = {
            "DialCallStatus": "completed" if talked else self.desk,
            "DialCallSid": self.profile.new_id("CA"),
            "DialBridged": "true" if talked else "false",
            **({"DialCallDuration": str(_TALK)} if talked else {}),
        }
        return self._onward(verb, more)

    def _redirect(self, verb: Verb) -> Step:
        return Step(resolved(self._document, verb.text), verb.get("method", "POST"))

    def _hang_up(self, verb: Verb) -> Step | None:
        raise _Ends("hotline")

    def _reject(self, verb: Verb) -> Step | None:
        raise _Ends("hotline", "busy" if verb.get("reason") == "busy" else "no-answer")

    def _onward(self, verb: Verb, more: dict[str, str], status: str = "in-progress") -> Step:
        """The verb's action; by default the document's own address, as Twilio does it."""
        url = resolved(self._document, verb.get("action", self._document))
        return Step(url, verb.get("method", "POST"), more, status)

    # The log

    def _complain(self, url: str, status: int) -> None:
        self._trouble(11200, url, f"callback answered {status}")

    def _trouble(self, code: int, url: str, what: str) -> None:
        self._emit(events.Trouble(self.sid, self.seconds, code, url, what))

    def _report(self, url: str, form: Form, answer: Answer, milliseconds: float) -> None:
        self._emit(
            events.Posts(
                self.sid, self.seconds, url, form, answer.status, milliseconds, answer.body
            )
        )

    def _emit(self, event: events.Event) -> None:
        self.log.append(event)
        self.tell(event)


_LANGUAGES = {
    "yue-HK": "yue",
    "yue-CN": "yue",
    "zh-HK": "yue",
    "cmn-CN": "cmn",
    "cmn-TW": "cmn",
    "zh-CN": "cmn",
    "en-GB": "en",
    "en-US": "en",
}

_VERBS: dict[str, Callable[[Call, Verb], Step | None]] = {
    "Say": Call._say,
    "Play": Call._play,
    "Pause": Call._pause,
    "Gather": Call._gather,
    "Record": Call._record,
    "Dial": Call._dial,
    "Redirect": Call._redirect,
    "Hangup": Call._hang_up,
    "Reject": Call._reject,
}


def _words(verb: Verb) -> str:
    return " ".join(child.text for child in verb.children)


def _seconds_to_say(text: str) -> float:
    chinese = len(re.findall(r"[一-鿿]", text))
    letters = len(re.sub(r"[一-鿿，。、！？：；「」\s]", "", text))
    return chinese / _CHINESE_A_SECOND + letters / _LETTERS_A_SECOND
