"""What one Record verb catches of a scripted caller."""

from dataclasses import dataclass

from . import sound
from .caller import Act, HangUp, Press, Speak
from .twiml import Verb

_AFTERTHOUGHT = 0.3  # seconds between the last word and a key


@dataclass(frozen=True)
class Limits:
    """What ends it: a key of `finish_keys`, `pause` seconds of silence (0: never), `longest`."""

    finish_keys: str
    pause: float
    longest: int

    @staticmethod
    def of(record: Verb) -> "Limits":
        """A Record verb's limits, with Twilio's defaults."""
        return Limits(
            record.get("finishOnKey", "1234567890*#"),
            float(record.number("timeout", 5)),
            record.number("maxLength", 3600),
        )

    @property
    def silence(self) -> float:
        """Seconds that a recording of nothing lasts."""
        return min(self.pause or self.longest, self.longest)


@dataclass(frozen=True)
class Take:
    """The sound, the key that ended it, or that the caller hung up."""

    samples: sound.Samples
    key: str | None = None
    hung_up: bool = False

    @property
    def seconds(self) -> float:
        return sound.seconds(self.samples)

    @property
    def is_empty(self) -> bool:
        return self.key is None and not sound.has_speech(self.samples)


def take(act: Act, limits: Limits) -> Take:
    """What is recorded when the caller does `act` after the beep."""
    match act:
        case Speak():
            return _speech(act, limits)
        case Press() if act.keys[0] in limits.finish_keys:
            return Take(sound.silence(min(act.after, limits.silence)), act.keys[0])
        case HangUp() if act.after < limits.silence:
            return Take(sound.silence(act.after), hung_up=True)
        case _:
            return Take(sound.silence(limits.silence))


def _speech(act: Speak, limits: Limits) -> Take:
    samples = sound.read(act.wav)
    if act.hang_up_after is not None:
        heard = min(act.hang_up_after, sound.seconds(samples))
        samples = samples[: int(heard * sound.RATE)]
    kept = sound.until_pause(samples, limits.pause)[: limits.longest * sound.RATE]
    if len(kept) < len(samples):
        return Take(kept)
    if act.hang_up_after is not None:
        return Take(samples, hung_up=True)
    key = act.then[:1]
    if key and key in limits.finish_keys:
        return Take(sound.joined(samples, sound.silence(_AFTERTHOUGHT)), key)
    tail = sound.silence(limits.silence)
    return Take(sound.joined(samples, tail)[: limits.longest * sound.RATE])
