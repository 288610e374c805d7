"""A transcription server as HTTP knows it: where it may be, how it is asked, what a refusal means.

Any server with OpenAI's interface (`POST .../audio/transcriptions`) will do. Callers' voices go to it,
so it must be inside unless the operator says otherwise; they never pass a proxy of the environment
or follow a redirect. Neither the key nor what was said is ever part of a message.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from runtime import clock
from transcription.engines.interface import ModelUnavailable

Form = Mapping[str, Any]

CONNECT_SECONDS: Final = 5.0
# A server may have many clips of others to hear before ours.
PATIENCE_SECONDS: Final = 120.0
# Before the second, third and fourth attempt; Retry-After may ask for more, up to LONGEST.
PAUSES: Final = (0.5, 1.0, 2.0)
LONGEST_PAUSE: Final = 30.0
LONGEST_REASON: Final = 200
BUSY: Final = frozenset({408, 425, 429})
LOCKED: Final = frozenset({401, 403})
NOT_THERE: Final = frozenset({404, 405})


class Refused(Exception):
    """The server will not take this sound, or this way of asking; the message is its reason."""


class Trouble(Exception):
    """No answer that is one: away, too busy, too slow or broken."""


class Passing(Trouble):
    """Trouble that may be over in a moment. `pause`: the seconds the server asks us to wait."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Broken(Passing):
    """The server stumbled over this very request (HTTP 500)."""


class Server:
    """One server. May be used by several threads at once.

    `url`: what comes before `/audio/transcriptions`. `patience`: seconds to wait for an answer.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        outside: bool = False,
        patience: float = PATIENCE_SECONDS,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self.url = url
        self._key = key
        self._outside = outside
        self._patience = patience
        self._pauses = pauses
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(patience, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),  # the machine's own list, and the city's own CA
        )

    def ask(self, sound: bytes, form: Form) -> bytes:
        """The body of the answer to a WAV. Raises Refused, Trouble and ModelUnavailable.

        Only what may pass is tried again: no connection, 429 and 5xx.
        """
        for pause in self._pauses:
            try:
                return self._post(sound, form)
            except Passing as error:
                time.sleep(min(max(pause, error.pause), LONGEST_PAUSE))
        return self._post(sound, form)

    def admit(self) -> None:
        """Make sure that voices may go to where the name leads now. Raises ModelUnavailable."""
        parts = urlsplit(self.url)
        away = [it for it in _addresses(parts.hostname or "") if not _is_inside(it)]
        if not away:
            return
        if not self._outside:
            raise ModelUnavailable(
                f"WHISPER_URL leads outside, to {away[0]}, and callers' voices stay inside",
                "use a server on a private address, or say WHISPER_URL_PUBLIC=1 if they may leave",
            )
        if parts.scheme != "https":
            raise ModelUnavailable(
                f"WHISPER_URL leads outside, to {away[0]}, and anybody could listen on the way",
                "use https:// for it",
            )

    def _post(self, sound: bytes, form: Form) -> bytes:
        try:
            answer = self._client.post(
                f"{self.url}/audio/transcriptions",
                data=dict(form),
                files={"file": ("clip.wav", sound, "audio/wav")},
            )
        except httpx.ConnectTimeout as error:
            raise Passing("no connection") from error
        except httpx.TimeoutException as error:
            raise Trouble(f"no answer within {self._patience:g} s") from error
        except httpx.TransportError as error:
            raise Passing(f"no connection ({type(error).__name__})") from error
        return self._body(answer)

    def _body(self, answer: httpx.Response) -> bytes:
        if answer.is_success:
            return answer.content
        status, reason = answer.status_code, self._reason(answer)
        if status in LOCKED:
            raise ModelUnavailable(
                f"the speech server does not let us in ({reason})",
                "set WHISPER_KEY to a key that it accepts",
            )
        if status in NOT_THERE or answer.is_redirect:
            raise ModelUnavailable(
                f"the speech server knows no such address or model ({reason})",
                "set WHISPER_URL to what comes before /audio/transcriptions, often with /v1 at its "
                "end, and WHISPER_MODEL to the server's name for the model",
            )
        if status == 500:
            raise Broken(reason)
        if status in BUSY or status > 500:
            raise Passing(reason, _retry_after(answer))
        raise Refused(reason)

    def _reason(self, answer: httpx.Response) -> str:
        said = f"HTTP {answer.status_code}: {_message(answer)}".rstrip(": ")
        if self._key:
            said = said.replace(self._key, "***")
        return " ".join(said.split())[:LONGEST_REASON]


def _message(answer: httpx.Response) -> str:
    """The server's own words: OpenAI's `error.message`, vLLM's `message`, FastAPI's `detail`."""
    if "json" not in answer.headers.get("content-type", ""):
        return "a web page" if "html" in answer.headers.get("content-type", "") else ""
    try:
        told = answer.json()
    except ValueError:
        return ""
    for name in ("error", "message", "detail"):
        if isinstance(told, dict) and told.get(name):
            told = told[name]
    return str(told)


def _retry_after(answer: httpx.Response) -> float:
    """Seconds, from a number of seconds or a date."""
    told = answer.headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(told) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ModelUnavailable(
            f"the host of WHISPER_URL, {host}, cannot be found ({error.strerror})",
            "check the name",
        ) from error
    return [str(address[4][0]) for address in found]


def _is_inside(address: str) -> bool:
    """Whether an address is this machine's or a private one. 100.64.0.0/10 is a provider's."""
    it = ipaddress.ip_address(address)
    plain = getattr(it, "ipv4_mapped", None) or it
    return bool(plain.is_private)
