"""A call with a recording and a case, and the time of day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import calls, recordings
from cases import case as case_module
from cases.callers import CallerKey
from cases.case import Case
from cases.categories import Category
from cases.clocks import Terms
from cases.permissions import Person
from cases.recordings import Announcement, Claim, Recording, Step
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES

NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TERMS = Terms.of_city(City.read(CITIES / "hongkong"))
KEY = CallerKey("a key of the tests alone")
MEI, BOSS = Person("agent:1", "agent"), Person("agent:2", "supervisor")
LAMPS = Category(
    code="street-lamps",
    name={"yue": "街燈", "cmn": "路灯", "en": "Street lamps"},
    department="hyd",
    words={"yue": {"街燈": 1}, "cmn": {"路灯": 1}, "en": {"street lamp": 1}},
)


@dataclass(frozen=True)
class Records:
    """What the tests do again and again, on one session."""

    session: Session

    def call(self, provider_id: str = "CA1", number: str | None = "+85291234567") -> int:
        caller = None if number is None else KEY.caller(number)
        return calls.begin(
            self.session, provider_id, provider="twilio", caller=caller, called="1823", now=NOW
        )

    def announce(self, call_id: int, **told: object) -> Recording:
        word = Announcement(**{"told": "completed", **told})  # type: ignore[arg-type]
        recording_id = recordings.announce(self.session, call_id, word, NOW)
        return self.session.get_one(Recording, recording_id)

    def message(self, provider_id: str = "CA1") -> tuple[Case, Recording]:
        """A case whose caller left one message, announced and not yet fetched."""
        call_id = self.call(provider_id)
        recording = self.announce(call_id, provider_id=f"RE-{provider_id}")
        case = case_module.open_for(self.session, call_id, TERMS, NOW, ["transcript_pending"])
        self.session.flush()
        return case, recording

    def claim(self, recording: Recording, step: Step = "fetch", now: datetime = NOW) -> Claim:
        claim = recordings.claim(self.session, recording.id, step, now, MINUTE)
        assert claim is not None
        return claim

    def fetched(self, provider_id: str, **told: object) -> Recording:
        """A message that lies in our storage and waits to be heard."""
        recording = self.announce(self.call(provider_id), provider_id="RE", **told)
        recordings.fetched(self.session, self.claim(recording), "sound", NOW)
        self.session.refresh(recording)
        return recording

    def ready_to_hear(self, provider_id: str = "CA1") -> tuple[Case, Claim]:
        """A case whose message lies in our storage and is claimed by the transcriber."""
        case, recording = self.message(provider_id)
        recordings.fetched(self.session, self.claim(recording), "sound", NOW)
        return case, self.claim(recording, "transcribe")


@pytest.fixture
def records(engine: Engine) -> Iterator[Records]:
    """One transaction on an empty database."""
    with transaction(engine) as session:
        yield Records(session)
