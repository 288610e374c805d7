"""The disorder in which a provider may deliver what it knows about one call.

Source: Twilio says that callbacks come with "no guarantee" of order, that a webhook is repeated
when the connection failed, and that a recording may be announced before it can be fetched.
"""

from dataclasses import dataclass
from typing import Literal

from .media import GOOD_MANNERS, Manners

Lost = Literal["action", "recording callback", "status"]


@dataclass(frozen=True)
class Delivery:
    """One call's delivery; the default is a provider on a good day.

    `copies`: how often every webhook arrives, `racing` at the same moment or one after the other.
    `callbacks`: when recording and status callbacks go out relative to the rest of the call.
    `late`: real seconds between the end of the call and the callbacks that wait for it.
    `lost`: kinds of webhook that never arrive. `recording_id`: whether RecordingSid is sent.
    `recording`: what becomes of the recordings. `silence_is_recorded`: a recording without speech
    counts as one.
    """

    copies: int = 1
    racing: bool = False
    callbacks: Literal["in order", "before action", "after call", "reversed"] = "in order"
    late: float = 0.0
    lost: frozenset[Lost] = frozenset()
    recording_id: bool = True
    recording: Literal["completed", "failed"] = "completed"
    silence_is_recorded: bool = False
    media: Manners = GOOD_MANNERS


GOOD_DAY = Delivery()
