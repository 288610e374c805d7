"""What differs between Twilio-compatible providers, one profile each.

Sources: the providers' documents and Somleng run against the `twilio` library; see
docs/providers.md for the table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# Verbs that every provider we know understands. Others end a call on Somleng.
PORTABLE_VERBS = frozenset(
    ["Response", "Say", "Play", "Gather", "Record", "Redirect", "Hangup", "Reject", "Dial"]
) | {
    "Number",
    "Sip",
}


@dataclass(frozen=True)
class Voice:
    """How `<Say>` is told a language: its `language` and, where the default would be wrong, `voice`."""

    language: str
    voice: str | None = None


@dataclass(frozen=True)
class Profile:
    """One provider.

    `signature` names a scheme of `ivr.signature`; `callback_fragment` asks for retries of a
    callback where addresses may carry that; `media_auth` says whether recordings are fetched with
    the account's credentials.
    """

    name: str
    signature: str
    id_grammar: re.Pattern[str]
    media_hosts: tuple[str, ...]
    media_auth: bool
    # The provider's REST interface, in Twilio's layout.
    api_url: str
    verbs: frozenset[str] = PORTABLE_VERBS
    callback_fragment: str = ""
    # Whether a call we ask for can be told whether a person or a machine answers.
    machine_detection: bool = True
    recording_events: str = "completed absent"
    voices: Mapping[str, Voice] = field(default_factory=dict)


TWILIO = Profile(
    name="twilio",
    signature="hmac-sha1",
    id_grammar=re.compile(r"[A-Za-z0-9:_-]{1,128}"),
    media_hosts=("api.twilio.com",),
    media_auth=True,
    api_url="https://api.twilio.com",
    # Twilio takes the fragment off before it signs and sends; Somleng signs it and would be refused.
    callback_fragment="rc=3&rp=all",
    voices={
        "yue": Voice("yue-CN", "Polly.Hiujin-Neural"),
        "cmn": Voice("cmn-CN", "Polly.Zhiyu-Neural"),
        "en": Voice("en-GB", "Polly.Amy-Neural"),
    },
)

SOMLENG = Profile(
    name="somleng",
    signature="hmac-sha1",
    id_grammar=re.compile(r"[A-Za-z0-9:_-]{1,128}"),
    # Recordings lie behind a redirect to the operator's own bucket: MEDIA_HOSTS must name both.
    media_hosts=(),
    media_auth=False,
    api_url="https://api.somleng.org",
    # Not known to be offered: what answers is taken for a person, who will press no key.
    machine_detection=False,
    voices={
        # Without a voice Somleng reads Chinese with its English default voice.
        "yue": Voice("yue-CN", "Polly.Hiujin"),
        "cmn": Voice("cmn-CN", "Polly.Zhiyu"),
        "en": Voice("en-GB", "Polly.Amy"),
    },
)

PROFILES = {profile.name: profile for profile in (TWILIO, SOMLENG)}
