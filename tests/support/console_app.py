"""A console of its own for a test: the real pages on a real database, with cases made by the rules."""

import io
import math
import re
import struct
import wave
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from cases import (
    agents,
    calls,
    case,
    history,
    recordings,
    referrals,
    transcripts,
    whistles,
)
from cases.callers import CallerKey
from cases.case import Case
from cases.clocks import Terms
from cases.permissions import Person
from cases.record import Record
from cases.recordings import Announcement
from cases.transcripts import Heard, Segment
from console import office, pages
from console.office import Office
from runtime import clock, database, keys
from runtime.city import City
from runtime.database import transaction
from runtime.settings import Settings
from runtime.storage import Storage

CALLER = "+85291234567"
PASSWORD = "four unrelated words here"
LEASE = timedelta(minutes=5)
# Who made the cases that a test begins with.
DESK = Person("agent:1", "agent")

SCAFFOLD = (
    "你好，我想投訴海晴邨外牆嗰啲棚網，完全唔阻燃，一點就着。",
    "我哋好多老人家住喺度，走火通道又堆滿雜物，好危險。",
    "麻煩你哋派人嚟睇下。",
)
WATER = ("您好，我们小区从昨天晚上开始停水。", "物业说是水管爆裂，到现在也没有人来修。")
LAMP = (
    "Hello, the street lamp outside our building has been broken for a week.",
    "It is very dark.",
)


@dataclass
class Visitor:
    """A browser without a screen. It sends along the proof of origin that the last page gave it."""

    client: FlaskClient
    proof: str = ""

    def get(self, path: str, **more: Any) -> TestResponse:
        return self._seen(self.client.get(path, **more))

    def post(self, path: str, **form: str | int | None) -> TestResponse:
        """Post a form; `csrf_token=None` leaves the proof out."""
        if not self.proof:
            self.get("/", follow_redirects=True)
        fields = {"csrf_token": self.proof, **form}
        data = {name: value for name, value in fields.items() if value is not None}
        return self._seen(self.client.post(path, data=data))

    def sign_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/sign-in", name=name, password=password)

    def decide(self, number: str, action: str, **form: str) -> TestResponse:
        """Open a case and do something with it, as its page offers."""
        page = self.get(f"/cases/{number}").text
        return self.post(f"/cases/{number}/{action}", **on_page(page), **form)

    def _seen(self, response: TestResponse) -> TestResponse:
        page = response.text if response.mimetype == "text/html" else ""
        if proof := proof_on(page):
            self.proof = proof
        elif response.location:
            self.proof = ""  # who signs in or out gets a new one
        return response


def proof_on(page: str) -> str:
    """The proof of origin that a page gives to whoever posts its forms; empty when it gives none."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    return found[1] if found else ""


def on_page(page: str) -> dict[str, str]:
    """The state of the case on which its page's forms decide; some state when there is no form."""
    found = re.search(r'name="version" value="(\d+)">\s*<input.* name="seen" value="(\d+)"', page)
    version, seen = found.groups() if found else ("1", "0")
    return {"version": version, "seen": seen}


@dataclass
class ConsoleHouse:
    """One console, its database and its storage. `now` is the time at which cases are made."""

    app: Flask
    engine: Engine
    city: City
    storage: Storage
    key: CallerKey
    office: Office
    now: datetime = field(default_factory=lambda: clock.now() - timedelta(hours=1))
    _calls: int = 0

    @property
    def terms(self) -> Terms:
        return self.office.terms

    def agent(
        self,
        name: str,
        role: str = "agent",
        password: str | None = PASSWORD,
        department: str | None = None,
    ) -> str:
        """Add an agent, an officer of the first department unless another is named; the password to
        sign in with (a one-time one for `password=None`)."""
        works_for = department or (
            next(iter(self.office.departments)) if role == "officer" else None
        )
        with transaction(self.engine) as session:
            agent, one_time = agents.add(session, name, role, clock.now(), works_for)
            if password is not None:
                agent.password_hash, agent.one_time_until = _hashed(password), None
        return password or one_time

    def visitor(self) -> "Visitor":
        """A browser that nobody has signed in with."""
        return Visitor(self.app.test_client())

    def signed_in(
        self, role: str = "agent", name: str | None = None, department: str | None = None
    ) -> "Visitor":
        """A browser at which a new agent of this role has signed in."""
        name = name or f"one-{role}"
        self.agent(name, role, department=department)
        visitor = self.visitor()
        assert visitor.sign_in(name).status_code == 303
        return visitor

    def case(
        self,
        *sentences: str,
        language: str = "yue",
        caller: str = CALLER,
        sound: bytes | None = None,
        flags: tuple[str, ...] = (),
        confidence: float = 0.93,
        provider_id: str | None = None,
        **heard: Any,
    ) -> str:
        """A call with one recording, and what was heard in it if any sentence is given: its number.

        `heard`: more fields of Heard."""
        self._calls += 1
        self.now += timedelta(seconds=61)
        with transaction(self.engine) as session:
            call_id = calls.begin(
                session,
                f"CA{self._calls:032d}",
                provider="twilio",
                caller=self.key.caller(caller),
                called=self.city.hotline,
                now=self.now,
            )
            calls.note_status(session, call_id, "completed", self.now + timedelta(seconds=40))
            opened = case.open_for(
                session, call_id, self.terms, self.now, ("transcript_pending", *flags)
            )
            number = str(opened.number)
            sid = provider_id or f"RE{self._calls:032d}"
            recording_id = self._record(session, call_id, sid, sound or tone())
            if sentences:
                self._hear(session, recording_id, sentences, language, confidence, heard)
        return number

    def _record(self, session: Any, call_id: int, sid: str, sound: bytes) -> int:
        url = f"https://api.twilio.com/2010-04-01/Accounts/AC0/Recordings/{sid}"
        told = Announcement("completed", provider_id=sid, url=url, turn=1, seconds=6.0)
        recording_id = recordings.announce(session, call_id, told, self.now)
        claim = recordings.claim(session, recording_id, "fetch", self.now, LEASE)
        assert claim is not None
        key = f"{self.now:%Y/%m/%d}/{recording_id}.audio"
        self.storage.write(key, sound)
        assert recordings.fetched(session, claim, key, self.now)
        return recording_id

    def _hear(
        self,
        session: Any,
        recording_id: int,
        sentences: tuple[str, ...],
        language: str,
        confidence: float,
        more: dict[str, Any],
    ) -> None:
        claim = recordings.claim(session, recording_id, "transcribe", self.now, LEASE)
        assert claim is not None
        segments = tuple(
            Segment(2.0 * i, 2.0 * i + 1.9, text, confidence if i else 0.97)
            for i, text in enumerate(sentences)
        )
        usual: dict[str, Any] = {
            "text": "".join(sentences) if language != "en" else " ".join(sentences),
            "raw_text": "".join(sentences),
            "language": language,
            "language_probability": 0.98,
            "segments": segments,
            "confidence": confidence,
            "engine": "openai-whisper",
            "model": "demo/model/whistle-demo.pt",
            "flags": ("low_confidence",) if confidence < 0.6 else (),
        }
        heard = Heard(**{**usual, **more})
        kinds = tuple(self.office.categories.values())
        at = self.now + timedelta(seconds=52)
        assert transcripts.finish(session, claim, heard, kinds, at)

    def officer(self, department: str) -> "Visitor":
        """A browser at which a new officer of this department has signed in."""
        return self.signed_in("officer", f"officer-{department}", department)

    def referred(self, lead: str, *supporting: str, category: str = "refuse") -> str:
        """A case that was confirmed and referred by the rules: its number."""
        number = self.case(*SCAFFOLD)
        with transaction(self.engine) as session:
            found = case.by_number(session, number)
            assert found is not None
            how: dict[str, Any] = {"by": DESK, "terms": self.terms, "now": self.now}
            kind = self.office.categories[category]
            case.confirm(session, found, kind, version=found.version, **how)
            referrals.refer(session, found, lead, supporting, policy=self.office.policy, **how)
        return number

    def accepted(self, lead: str, *supporting: str) -> str:
        """A case that its lead has accepted: its number."""
        number = self.referred(lead, *supporting)
        with transaction(self.engine) as session:
            found = case.by_number(session, number)
            assert found is not None
            by = Person("agent:1", "officer", lead)
            referrals.accept(session, found, by=by, terms=self.terms, now=self.now)
        return number

    def whistle(self, *departments: str, danger: bool = False) -> tuple[str, int]:
        """A case on which the desk has blown the whistle: its number, and the whistle's id."""
        number = self.case(*SCAFFOLD)
        with transaction(self.engine) as session:
            found = case.by_number(session, number)
            assert found is not None
            whistle = whistles.blow(
                session,
                found,
                "棚網起火，走火通道堵塞。",
                departments,
                danger=danger,
                blown_as=whistles.AGENT,
                by=DESK,
                terms=self.terms,
                now=self.now,
            )
            return number, whistle.id

    def stored(self, number: str) -> Case:
        """The case as the database has it now."""
        with transaction(self.engine) as session:
            found = case.by_number(session, number)
            assert found is not None
            session.expunge_all()
        return found

    def history(self, number: str) -> list[tuple[str, str]]:
        """Actor and action of every line of a case's history."""
        with transaction(self.engine) as session:
            found = case.by_number(session, number)
            assert found is not None
            return [(line.actor, line.action) for line in history.of_case(session, found.id)]


def console_house(folder: Path, database_url: str = "", **chosen: Any) -> ConsoleHouse:
    """A console with its state in `folder`, on the migrated database named or an SQLite of its own."""
    settings = Settings(
        state_dir=folder,
        database_url=database_url,
        twilio_auth_token="a-token-for-the-tests",
        **chosen,
    )
    engine = database.engine(settings.database_url)
    if not database_url:
        Record.metadata.create_all(engine)
    city = _city(settings.city_folder)
    app = Flask("console_for_a_test", static_folder=None)
    pages.install(app, settings, engine)
    return ConsoleHouse(
        app=app,
        engine=engine,
        city=city,
        storage=Storage(settings.recordings_url),
        key=CallerKey(keys.secret(settings.state_dir, "data-key", settings.data_key)),
        office=office.install(settings, engine, city),
    )


@cache
def _city(folder: Path) -> City:
    return City.read(folder)


@cache
def _hashed(password: str) -> str:
    return agents.hash_password(password)


def tone(seconds: float = 6.0, hertz: float = 440.0) -> bytes:
    """A WAV of 8 kHz 16-bit PCM, as telephone providers send it."""
    samples = (
        int(9000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(int(8000 * seconds))
    )
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
        return file.getvalue()


def mu_law_tone(seconds: float = 6.0, hertz: float = 440.0) -> bytes:
    """The same as G.711 mu-law (WAVE format 7)."""
    data = bytes(
        _mu_law(int(9000 * math.sin(2 * math.pi * hertz * n / 8000)))
        for n in range(int(8000 * seconds))
    )
    header = struct.pack("<4sIHHIIHHH", b"fmt ", 18, 7, 1, 8000, 8000, 1, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(data))
    body = b"WAVE" + header + fact + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _mu_law(sample: int) -> int:
    """ITU-T G.711, one 16-bit sample to one byte."""
    sign, level = (0x80, -sample) if sample < 0 else (0, sample)
    level = min(level, 32635) + 0x84
    exponent = level.bit_length() - 8
    return ~(sign | exponent << 4 | level >> (exponent + 3) & 0x0F) & 0xFF
