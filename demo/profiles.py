"""What differs between the providers we imitate.

Sources: Twilio's documentation; for Somleng its server's behaviour as executed (signature over the
URL verbatim with its fragment, a Record action with RecordingUrl and RecordingDuration only, UUID
ids, presigned redirects for media, and an end of the call at any verb outside the portable ones).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import form, twiml
from .signing import Form


@dataclass(frozen=True)
class Profile:
    name: str
    rules: Mapping[str, twiml.Rule]
    new_id: Callable[[str], str]
    form: Callable[..., Form]
    signs_fragment: bool
    full_record_action: bool  # RecordingSid and Digits accompany the action
    media_login: bool
    media_redirects: bool


TWILIO = Profile(
    name="twilio",
    rules=twiml.TWILIO,
    new_id=form.twilio_id,
    form=form.twilio_form,
    signs_fragment=False,
    full_record_action=True,
    media_login=True,
    media_redirects=False,
)

SOMLENG = Profile(
    name="somleng",
    rules=twiml.PORTABLE,
    new_id=form.somleng_id,
    form=form.somleng_form,
    signs_fragment=True,
    full_record_action=False,
    media_login=False,
    media_redirects=True,
)
