"""How a provider signs a webhook, written from its documentation and not with its library.

Source: Twilio, "Validating requests": base64(HMAC-SHA1(auth token, URL + every parameter's name
and value, sorted by name, with nothing in between)). A parameter that repeats gives its distinct
values, sorted.
"""

import base64
import hmac
from collections.abc import Iterable
from hashlib import sha1

Form = tuple[tuple[str, str], ...]


def signature(token: str, url: str, form: Iterable[tuple[str, str]] = ()) -> str:
    """The value of X-Twilio-Signature for `form` posted to `url`, as the provider knows it."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), sha1).digest()).decode()


def without_fragment(url: str) -> str:
    """Twilio keeps `#rc=2&rp=5xx` (retry wishes) to itself: neither sent nor signed."""
    return url.partition("#")[0]
