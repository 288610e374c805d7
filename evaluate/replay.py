"""A year of a city replayed: when does the hotline raise what no single department could see?

    python -m evaluate replay [--json FILE] [--calls-a-day N] [--noise SHARE]

Thousands of calls in three languages, with their seasons and a share of misheard characters, go through the
very rules that run in production, on a database of their own. Among them are the stories of `replay.yaml`: one
hazard at one place, told to different departments in different words. Told at the end: when each story was
raised and by which message, when the department that had most of it would have seen as much by itself, and
how many alarms were false.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cases import (
    alerts,
    calls,
    case,
    categories,
    clusters,
    daily,
    departments,
    places,
    recordings,
    transcripts,
)
from cases.alerts import Alert
from cases.callers import CallerKey
from cases.case import Case
from cases.categories import Category
from cases.clocks import Terms
from cases.places import Place
from cases.readings import Reader
from cases.recordings import Announcement
from cases.sounds import sound
from cases.transcripts import Heard, Segment
from cases.understanding import Mind, understand
from runtime import database
from runtime.city import City
from runtime.database import transaction
from runtime.settings import CITIES

PROJECT: Final = Path(__file__).resolve().parent.parent
FILE: Final = Path(__file__).with_suffix(".yaml")
DAY: Final = timedelta(days=1)
LEASE: Final = timedelta(minutes=5)
NOISE: Final = 0.05
# A department by itself is given the same rule: so many at one place in so many days.
LANGUAGES: Final = (("yue", 0.75), ("cmn", 0.15), ("en", 0.10))
WEEKEND: Final = 0.6
CALLERS: Final = 4000


@dataclass(frozen=True)
class Call:
    """One call of the year. `story`: the name of the story it belongs to; `category`: what the script
    calls it, which the hotline is not told."""

    at: datetime
    language: str
    text: str
    category: str
    caller: str
    story: str = ""


@dataclass(frozen=True)
class Story:
    """One hazard at one place, and its messages: (day of the year, language, category, text)."""

    name: str
    place: str
    messages: Sequence[tuple[int, str, str, str]]


@dataclass(frozen=True)
class Raised:
    """When a story was raised: the day of the year, after how many of its messages (which came on the
    `days`), how long before the last of them; and when one department alone had as many. None: never."""

    story: str
    place: str
    messages: int
    days: Sequence[int]
    day: int | None
    message: int | None
    days_before_last: int | None
    alone_day: int | None
    alone_department: str | None


@dataclass(frozen=True)
class Outcome:
    """What the replay showed. `false`: alerts that belong to no story, by their method."""

    calls: int
    days: int
    stories: Sequence[Raised]
    raised: int
    false: Mapping[str, int]
    misread: int

    @property
    def false_a_week(self) -> float:
        return sum(self.false.values()) / (self.days / 7)


@dataclass
class Year:
    """The year as it is made and as it goes through the rules."""

    script: Mapping[str, Any]
    city: City
    random: random.Random
    noise: float = NOISE
    story_of: dict[int, str] = field(default_factory=dict)
    department_of: dict[int, str] = field(default_factory=dict)

    @property
    def first(self) -> date:
        day: date = self.script["first"]
        return day

    def stories(self) -> list[Story]:
        return [
            Story(one["name"]["en"], one["place"], [tuple(m) for m in one["messages"]])
            for one in self.script["stories"]
        ]


def replay(
    *,
    calls_a_day: int | None = None,
    noise: float = NOISE,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Outcome:
    """Replay the year. tell: is told after each day how many of how many are done."""
    script = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    script["calls_a_day"] = calls_a_day or script["calls_a_day"]
    city = City.read(CITIES / script["city"])
    year = Year(script, city, random.Random(script["seed"]), noise)
    by_day: defaultdict[int, list[Call]] = defaultdict(list)
    for call in make(year):
        by_day[(call.at.astimezone(city.time_zone).date() - year.first).days].append(call)
    with tempfile.TemporaryDirectory() as folder:
        engine = _empty_database(f"sqlite:///{folder}/year.sqlite3")
        _live(year, engine, by_day, tell)
        outcome = _outcome(year, engine, sum(map(len, by_day.values())))
        engine.dispose()
    return outcome


def _empty_database(url: str) -> Engine:
    """A database as an operator makes it."""
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        capture_output=True,
    )
    return database.engine(url)


# The year


def make(year: Year) -> Iterator[Call]:
    """Every call of the year, in no order."""
    known = [p for p in places.read(year.city.folder).places if p.kind in ("estate", "street")]
    garble = _garbler(year)
    for day in range(365):
        for _ in range(_how_many(year, day)):
            yield _usual(year, day, known, garble)
    for story in year.stories():
        for number, (day, language, category, text) in enumerate(story.messages):
            at = _moment(year, day)
            caller = f"+8526{abs(hash_of(story.name)) % 1000:03d}{number:04d}"
            yield Call(at, language, garble(text, language), category, caller, story.name)


def hash_of(text: str) -> int:
    """A number that is the same in every process."""
    return sum(ord(char) * (place + 1) for place, char in enumerate(text))


def _how_many(year: Year, day: int) -> int:
    weekend = (year.first + day * DAY).weekday() >= 5
    mean = year.script["calls_a_day"] * (WEEKEND if weekend else 1.15)
    return max(0, round(year.random.gauss(mean, mean**0.5)))


def _usual(year: Year, day: int, known: Sequence[Place], garble: Callable[[str, str], str]) -> Call:
    kinds = year.script["usual"]
    season = "summer" if 120 <= day < 270 else "winter"
    weights = [kind["share"] * kind.get(season, 1) for kind in kinds.values()]
    category = year.random.choices(list(kinds), weights)[0]
    language = year.random.choices([one for one, _ in LANGUAGES], [w for _, w in LANGUAGES])[0]
    place = year.random.choice(known).name(language)
    text = year.random.choice(kinds[category][language]).format(place=place)
    caller = f"+8529{year.random.randrange(CALLERS):07d}"
    return Call(_moment(year, day), language, garble(text, language), category, caller)


def _moment(year: Year, day: int) -> datetime:
    minutes = year.random.randrange(7 * 60, 23 * 60)
    local = datetime.combine(year.first + day * DAY, time(), year.city.time_zone)
    return (local + timedelta(minutes=minutes)).astimezone(UTC)


def _garbler(year: Year) -> Callable[[str, str], str]:
    """Mishears a share of the Chinese characters: most as another of the same sound."""
    said = [text for kind in year.script["usual"].values() for text in kind["yue"] + kind["cmn"]]
    chars = sorted({char for text in said for char in text if "\u4e00" <= char <= "\u9fff"})
    alike: dict[str, dict[str, list[str]]] = {"yue": {}, "cmn": {}}
    for language, by_sound in alike.items():
        for char in chars:
            by_sound.setdefault(sound(char, language), []).append(char)

    def garble(text: str, language: str) -> str:
        by_sound = alike.get(language)
        if by_sound is None:
            return text
        return "".join(_misheard(year, char, by_sound, language, chars) for char in text)

    return garble


def _misheard(
    year: Year, char: str, by_sound: Mapping[str, list[str]], language: str, chars: Sequence[str]
) -> str:
    if not "\u4e00" <= char <= "\u9fff" or year.random.random() >= year.noise:
        return char
    same = [one for one in by_sound.get(sound(char, language), []) if one != char]
    return year.random.choice(same if same and year.random.random() < 0.8 else chars)


# Living it


def _live(
    year: Year,
    engine: Engine,
    by_day: Mapping[int, Sequence[Call]],
    tell: Callable[[int, int], None],
) -> None:
    known = departments.read(year.city.folder)
    kinds = categories.read(year.city.folder, known)
    terms = Terms.of_city(year.city)
    mind = Mind(Reader.of_city(year.city.folder, year.city.languages), terms)
    key, number = CallerKey("a key of the replay alone"), 0
    centres = daily.centres(places.read(year.city.folder))
    for day in range(365):
        with transaction(engine) as session:
            for call in sorted(by_day.get(day, ()), key=lambda one: one.at):
                number += 1
                case_id = _take(session, call, number, key, kinds, terms)
                if call.story:
                    year.story_of[case_id] = call.story
                understand(session, case_id, mind, call.at)
            _evening(session, year, day, centres)
        tell(day + 1, 365)


def _take(
    session: Session,
    call: Call,
    number: int,
    key: CallerKey,
    kinds: Sequence[Category],
    terms: Terms,
) -> int:
    """The call becomes a case with its text, as from the telephone."""
    call_id = calls.begin(
        session,
        f"CA{number:032d}",
        provider="twilio",
        caller=key.caller(call.caller),
        called="1823",
        now=call.at,
    )
    opened = case.open_for(session, call_id, terms, call.at)
    told = Announcement("completed", provider_id=f"RE{number:032d}", turn=1, seconds=6.0)
    recording_id = recordings.announce(session, call_id, told, call.at)
    fetch = recordings.claim(session, recording_id, "fetch", call.at, LEASE)
    assert fetch is not None
    recordings.fetched(session, fetch, "sound", call.at)
    claim = recordings.claim(session, recording_id, "transcribe", call.at, LEASE)
    assert claim is not None
    assert transcripts.finish(session, claim, _heard(call), kinds, call.at)
    session.flush()
    return opened.id


def _heard(call: Call) -> Heard:
    return Heard(
        text=call.text,
        raw_text=call.text,
        language=call.language,
        language_probability=0.99,
        segments=(Segment(0.0, 6.0, call.text, 0.9),),
        confidence=0.9,
        engine="replay",
        model="replay",
    )


def _evening(session: Session, year: Year, day: int, centres: daily.Centres) -> None:
    midnight = datetime.combine(year.first + (day + 1) * DAY, time(), year.city.time_zone)
    today = year.first + day * DAY
    of = daily.Day(year.city.time_zone, year.city.is_working_day, centres, today)
    daily.look(session, of, midnight.astimezone(UTC))


# What came of it


def _outcome(year: Year, engine: Engine, count: int) -> Outcome:
    with transaction(engine) as session:
        raised = list(session.scalars(select(Alert).order_by(Alert.raised_at, Alert.id)))
        cases = {one.id: one for one in session.scalars(select(Case))}
        stories = [_raised(year, story, raised, cases) for story in year.stories()]
        false = Counter(one.method for one in raised if not _is_of_a_story(year, one))
        misread = sum(1 for one in year.story_of if _place_is_lost(session, one))
        return Outcome(count, 365, stories, len(raised), dict(false), misread)


def _is_of_a_story(year: Year, alert: Alert) -> bool:
    return any(case_id in year.story_of for case_id in alert.cases)


def _place_is_lost(session: Session, case_id: int) -> bool:
    return not clusters.of_case(session, case_id)


def _raised(year: Year, story: Story, raised: Sequence[Alert], cases: Mapping[int, Case]) -> Raised:
    own = [cases[one] for one, name in year.story_of.items() if name == story.name]
    own.sort(key=lambda one: one.opened_at)
    first = next((a for a in raised if any(one.id in a.cases for one in own)), None)
    day = _day(year, first.raised_at) if first else None
    before = sum(1 for one in own if first and one.opened_at <= first.raised_at)
    last = _day(year, own[-1].opened_at)
    alone_day, alone = _alone(year, own)
    return Raised(
        story=story.name,
        place=story.place,
        messages=len(own),
        days=[_day(year, one.opened_at) for one in own],
        day=day,
        message=before if first else None,
        days_before_last=last - day if day is not None else None,
        alone_day=alone_day,
        alone_department=alone,
    )


def _alone(year: Year, own: Sequence[Case]) -> tuple[int | None, str | None]:
    """When the first department had as many of the story by itself as the rule wants, and which."""
    held = alerts.policy()
    found: list[tuple[int, str]] = []
    by_department: defaultdict[str, list[Case]] = defaultdict(list)
    for one in own:
        by_department[one.department or ""].append(one)
    for department, mine in by_department.items():
        for at in range(held.repeats - 1, len(mine)):
            apart = mine[at].opened_at - mine[at - held.repeats + 1].opened_at
            if apart <= timedelta(days=held.within_days):
                found.append((_day(year, mine[at].opened_at), department))
                break
    return min(found) if found else (None, None)


def _day(year: Year, at: datetime) -> int:
    return (at.astimezone(year.city.time_zone).date() - year.first).days
