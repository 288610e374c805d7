"""A whole hotline for a test: web, worker and provider as separate processes on free ports."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo.call import Call
from demo.caller import Act
from demo.delivery import GOOD_DAY, Delivery
from demo.exchange import Exchange
from demo.house import Case, House, free_port
from demo.profiles import TWILIO, Profile
from demo.work import OVER

CALLER = "+85291234567"
DESK = "+85228001823"
SECOND_TOKEN = "the-token-we-are-rotating-to"

Wish = Callable[[Case], bool]


class Hotline:
    """Rings the hotline and looks at what came of it, from the outside only."""

    def __init__(self, house: House, exchange: Exchange) -> None:
        self.house = house
        self.exchange = exchange

    def ring(
        self,
        *acts: Act,
        caller: str = CALLER,
        delivery: Delivery = GOOD_DAY,
        desk: str = "no-answer",
        token: str | None = None,
    ) -> Call:
        """Place a call to its end, its late callbacks included."""
        call = self.exchange.place(caller, acts, delivery, desk, token)
        call.settle()
        return call

    def cases_of(self, call: Call) -> list[Case]:
        return [case for case in self.house.cases() if case["call_id"] == call.sid]

    def case_of(self, call: Call) -> Case:
        """The call's one case, as it stands."""
        (case,) = self.cases_of(call)
        return case

    def wait_for(self, call: Call, wish: Wish, seconds: float = 60) -> Case:
        """The call's one case as soon as it is as wished. AssertionError when that takes too long."""
        deadline = time.monotonic() + seconds
        while True:
            cases = self.cases_of(call)
            assert len(cases) <= 1, f"one call has {len(cases)} cases: {cases}"
            if cases and wish(cases[0]):
                return cases[0]
            assert time.monotonic() < deadline, f"after {seconds} s only {cases or 'no case'}"
            self.house.check()
            time.sleep(0.3)

    def finished(self, call: Call, seconds: float = 60) -> Case:
        """The call's one case when the work on its recordings is over."""
        return self.wait_for(call, is_finished, seconds)

    def all_finished(self, calls: Iterable[Call], seconds: float = 180) -> None:
        """Wait until the work on all these calls is over, or the time."""
        ids = {call.sid for call in calls}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            cases = [case for case in self.house.cases() if case["call_id"] in ids]
            if {case["call_id"] for case in cases if is_finished(case)} == ids:
                return
            self.house.check()
            time.sleep(0.5)


def is_finished(case: Case) -> bool:
    statuses = [recording["status"] for recording in case["recordings"]]
    return bool(statuses) and set(statuses) <= OVER


def has_transcript(case: Case) -> bool:
    return bool(case["transcript"])


def statuses(case: Case) -> list[str]:
    return [recording["status"] for recording in case["recordings"]]


@contextmanager
def hotline(
    state: Path,
    settings: Mapping[str, str] | None = None,
    *,
    profile: Profile = TWILIO,
    worker: bool = True,
) -> Iterator[Hotline]:
    """A hotline with its provider, up and ready; everything is ended afterwards."""
    port = free_port()
    with Exchange(f"http://127.0.0.1:{port}", profile=profile) as exchange:
        hosts = f"{exchange.media.host},{exchange.content_network.host}"
        usual = {
            "TWILIO_ACCOUNT_SID": exchange.account,
            "TWILIO_AUTH_TOKEN_SECONDARY": SECOND_TOKEN,
            "MEDIA_HOSTS": hosts,
            "PROVIDER_API_URL": exchange.rest.address,
            "AGENT_DIAL": DESK,
            "PROVIDER": profile.name,
            # A scripted caller does not wait in real time; who is to be read back to says so.
            "READ_BACK_SECONDS": "0",
        }
        house = House(state, {**usual, **(settings or {})}, port=port, token=exchange.token)
        try:
            house.migrate()
            if worker:
                house.start_worker()
            house.start_web()
            yield Hotline(house, exchange)
        finally:
            house.stop()
