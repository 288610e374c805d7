"""The provider's side of a webhook: fill in the form, sign, post, repeat, and read the answer."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from . import twiml, web
from .delivery import Delivery
from .profiles import Profile
from .signing import Form, signature, without_fragment
from .web import Answer

LONGEST_WAIT = 15.0  # seconds a provider waits for an answer, all in all

Report = Callable[[str, Form, Answer, float], None]


@dataclass(frozen=True)
class Step:
    """Where the call goes next: an address and what to tell it beyond the usual fields."""

    url: str
    method: str = "POST"
    more: Mapping[str, str] | None = None
    status: str = "in-progress"


class Webhooks:
    """Sends the webhooks of one call. `report` learns of every request and its answer."""

    def __init__(self, profile: Profile, token: str, delivery: Delivery, report: Report) -> None:
        self._profile = profile
        self._token = token
        self._delivery = delivery
        self._report = report

    def fetch(self, url: str, method: str, form: Form) -> tuple[twiml.Verb, ...]:
        """Post, and read the TwiML answered. Raises TwimlError as the provider would complain."""
        answer = self.send(url, method, form)
        if answer.status == 0:
            raise twiml.TwimlError(11205, f"no answer: {answer.body.decode()}")
        if answer.status != 200:
            raise twiml.TwimlError(11200, f"answered {answer.status}")
        return twiml.read(answer.body, answer.content_type, self._profile.rules)

    def send(self, url: str, method: str, form: Form) -> Answer:
        """Deliver one webhook as often as the day has it; the last answer counts."""
        answers: list[Answer] = []
        token = secrets.token_hex(8)  # the same for all copies: it names the webhook, not the try

        def deliver() -> None:
            answers.append(self._with_retries(url, method, form, token))

        if self._delivery.racing:
            _all_at_once(deliver, self._delivery.copies)
        else:
            for _ in range(self._delivery.copies):
                deliver()
        return answers[-1]

    def _with_retries(self, url: str, method: str, form: Form, token: str) -> Answer:
        wishes = _retry_wishes(url)
        deadline = time.monotonic() + LONGEST_WAIT
        answer = self._once(url, method, form, token, LONGEST_WAIT)
        for _ in range(wishes.count):
            if not wishes.cover(answer) or time.monotonic() > deadline:
                break
            answer = self._once(url, method, form, token, deadline - time.monotonic())
        return answer

    def _once(self, url: str, method: str, form: Form, token: str, patience: float) -> Answer:
        address = url if method == "POST" else _with_query(url, form)
        signed = address if self._profile.signs_fragment else without_fragment(address)
        headers = {
            "X-Twilio-Signature": signature(self._token, signed, form if method == "POST" else ()),
            "I-Twilio-Idempotency-Token": token,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        began = time.monotonic()
        answer = _post(address, form, headers, method, patience)
        self._report(url, form, answer, (time.monotonic() - began) * 1000)
        return answer


def _post(url: str, form: Form, headers: dict[str, str], method: str, patience: float) -> Answer:
    try:
        return web.post(url, form, headers, method, timeout=patience)
    except OSError as problem:
        return Answer(0, "", str(problem or type(problem).__name__).encode())


def _with_query(url: str, form: Form) -> str:
    base = without_fragment(url)
    return f"{base}{'&' if '?' in base else '?'}{web.encode(form).decode()}"


@dataclass(frozen=True)
class _Wishes:
    """Overrides in a fragment, `#rc=2&rp=5xx,ct`; by default one retry when not connected."""

    count: int = 1
    policy: tuple[str, ...] = ("ct",)

    def cover(self, answer: Answer) -> bool:
        kinds = {0: ("ct", "rt"), 4: ("4xx",), 5: ("5xx",)}.get(answer.status // 100, ())
        return bool({*kinds, "all"} & set(self.policy)) if kinds else False


def _retry_wishes(url: str) -> _Wishes:
    wishes = parse_qs(url.partition("#")[2])
    if "rc" not in wishes:
        return _Wishes()
    return _Wishes(int(wishes["rc"][0]), tuple(wishes.get("rp", ["ct"])[0].split(",")))


def _all_at_once(deliver: Callable[[], None], copies: int) -> None:
    threads = [threading.Thread(target=deliver) for _ in range(copies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
