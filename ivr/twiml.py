"""Instructions of the flow, as TwiML. Always through the library's builder, never by pasting text."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from twilio.twiml.voice_response import Gather, VoiceResponse

from callflows import instructions as ask
from callflows.engine import Move
from callflows.prompts import speakable
from ivr import sounds
from ivr.form import SILENCE
from ivr.phone import Phone

# The most keys one entry may hold where the flow sets no limit.
MOST_KEYS = 32


def render(phone: Phone, move: Move) -> str:
    """The TwiML that does what the flow asks, every address absolute, in portable verbs only."""
    response = VoiceResponse()
    for instruction in move.instructions:
        _RENDERERS[type(instruction)](phone, move, response, instruction)
    return str(response)


def static(phone: Phone, *, after_message: bool) -> bytes:
    """The answer when nothing else works: it needs no database, no flow state and no worker.

    An apology and a chance to leave the message; after the message, thanks. The recording's own
    callback brings the message to us when we are back.
    """
    response = VoiceResponse()
    key = "fallback_thanks" if after_message else "fallback"
    for language in phone.callflow.languages:
        for prompt in phone.callflow.prompts.fill(key, language, {}):
            _say(phone, response, prompt)
    if not after_message:
        again = f"{phone.settings.public_base_url}/voice/fallback?said=1"
        _record_verb(phone, response, again, "", ask.Record(120, 6, "#"))
        response.redirect(again, method="POST")
    response.hangup()
    return str(response).encode()


def another_time(phone: Phone) -> bytes:
    """The end of a call of ours that cannot go on: it tells nothing of what it was about."""
    response = VoiceResponse()
    for language in phone.callflow.languages:
        for prompt in phone.callflow.prompts.fill("machine_answers", language, {}):
            _say(phone, response, prompt)
    response.hangup()
    return str(response).encode()


def _speak(phone: Phone, move: Move, response: VoiceResponse, what: ask.Speak) -> None:
    for prompt in what.prompts:
        _say(phone, response, prompt)


def _listen(phone: Phone, move: Move, response: VoiceResponse, what: ask.Listen) -> None:
    gather = Gather(
        input="dtmf",
        action=_turn_url(phone, move),
        method="POST",
        timeout=what.timeout,
        finish_on_key=what.finish_key,
        num_digits=what.count or MOST_KEYS,
    )
    for prompt in what.prompts:
        _say(phone, gather, prompt)
    response.append(gather)


def _record(phone: Phone, move: Move, response: VoiceResponse, what: ask.Record) -> None:
    query = f"?turn={move.position.turn}{phone.carried}{_keeps(phone, move)}"
    _record_verb(phone, response, _turn_url(phone, move), query, what)


def _record_verb(
    phone: Phone, response: VoiceResponse, action: str, query: str, what: ask.Record
) -> None:
    fragment = phone.profile.callback_fragment
    callback = f"{phone.settings.public_base_url}/voice/recording{query}"
    response.record(
        action=action,
        method="POST",
        timeout=what.silence_seconds,
        max_length=what.max_seconds,
        finish_on_key=what.finish_keys,
        play_beep=what.beep,
        trim="do-not-trim",
        recording_status_callback=callback + (f"#{fragment}" if fragment else ""),
        recording_status_callback_method="POST",
        recording_status_callback_event=phone.profile.recording_events,
    )


def _dial(phone: Phone, move: Move, response: VoiceResponse, what: ask.Dial) -> None:
    target = phone.settings.agent_dial
    dial = response.dial(action=_turn_url(phone, move), method="POST", timeout=what.timeout)
    dial.sip(target) if target.startswith("sip") else dial.number(target)


def _silence_follows(
    phone: Phone, move: Move, response: VoiceResponse, what: ask.SilenceFollows
) -> None:
    response.redirect(f"{_turn_url(phone, move)}&{SILENCE}", method="POST")


def _hang_up(phone: Phone, move: Move, response: VoiceResponse, what: ask.HangUp) -> None:
    response.hangup()


_RENDERERS: dict[type[ask.Instruction], Callable[[Phone, Move, VoiceResponse, Any], None]] = {
    ask.Speak: _speak,
    ask.Listen: _listen,
    ask.Record: _record,
    ask.Dial: _dial,
    ask.SilenceFollows: _silence_follows,
    ask.HangUp: _hang_up,
}


def _say(phone: Phone, parent: VoiceResponse | Gather, prompt: ask.Prompt) -> None:
    if prompt.audio is not None and sounds.is_here(phone.settings, prompt.audio):
        parent.play(f"{phone.settings.public_base_url}/prompts/{prompt.audio}")
        return
    voice = phone.profile.voices[prompt.language]
    parent.say(speakable(prompt.text), language=voice.language, voice=voice.voice)


def _turn_url(phone: Phone, move: Move) -> str:
    query = urlencode(move.position.to_query()) + phone.carried
    return f"{phone.settings.public_base_url}{phone.turns}?{query}"


def _keeps(phone: Phone, move: Move) -> str:
    """What the recording is, for its callback, which may be all that we hear of it."""
    keeps = getattr(phone.callflow.flow.steps[move.position.step], "keeps", None)
    return f"&keeps={keeps}" if keeps else ""
