"""An edition of the city that is published while calls go on: who began with the old flow ends with it."""

import hashlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from sqlalchemy import Engine, text

from app import create_app
from cases import editions
from cases.browser_calls import BrowserKey
from cases.editions import CATEGORIES, FLOWS, PROMPTS, SOUNDS
from cases.permissions import Person
from ivr import replay
from runtime import clock, keys
from runtime.database import transaction
from runtime.settings import CITIES, Settings
from runtime.shelf import Shelf
from runtime.storage import Storage
from tests.integration.telephone import Exchange, Line, said
from tests.support.console_app import tone

ADA = Person("agent:9", "admin")
HELLO = "新嘅開場白，請講"
GREETING = f'spec: 1\nlanguage: yue\nprompts:\n  greeting: "{HELLO}"\n'
FLOW = Path("callflows/flows/hotline.yaml").read_text(encoding="utf-8")


def publish(engine: Engine, **named: str) -> int:
    """Put texts in force, by file: `publish(engine, **{FILE: text})`. Nothing is proof-read here."""
    now = clock.now()
    with transaction(engine) as session:
        ids = []
        for name, content in named.items():
            before = editions.working(session, name)
            made_from = before.id if before else None
            ids.append(editions.draft(session, name, content, made_from, by=ADA, now=now).id)
        return editions.publish(session, editions.plan(session, ids), "new", by=ADA, now=now).number


def test_the_next_caller_hears_what_was_published(exchange: Exchange) -> None:
    assert HELLO not in said(exchange.line().answer())
    publish(exchange.phone.engine, **{PROMPTS["yue"]: GREETING})
    assert exchange.phones.standing.look()
    assert HELLO in said(exchange.line().answer())
    assert not exchange.phones.standing.look(), "there is nothing newer"


def test_a_call_ends_with_the_flow_it_began_with(exchange: Exchange) -> None:
    """The new flow lacks the step at which the first caller is."""
    first = exchange.line()
    first.answer()
    first.keep_silent()
    first.keep_silent()
    assert "fallback" in first.target("Gather")
    renamed = FLOW.replace("fallback:", "nobody_spoke:").replace(
        "silent: fallback", "silent: nobody_spoke"
    )
    publish(exchange.phone.engine, **{FLOWS["hotline"]: renamed})
    exchange.phones.standing.look()
    second = exchange.line()
    for step in (second.answer, second.keep_silent, second.keep_silent):
        step()
    assert "step=nobody_spoke" in second.target("Gather")
    assert "edition=1" in second.target("Gather")
    first.press("1")
    assert "step=last_chance" in first.target("Record") and "edition" not in first.target("Record")


def test_a_call_of_an_edition_this_process_has_not_seen_goes_on(
    exchange: Exchange, settings: Callable[..., Settings]
) -> None:
    """Another web process was quicker; or this machine has none of the folders yet."""
    publish(exchange.phone.engine, **{PROMPTS["yue"]: GREETING})
    exchange.phones.standing.look()
    line = exchange.line()
    line.answer()
    line.keep_silent()
    slower = Exchange(create_app(settings()))
    publish(exchange.phone.engine, **{PROMPTS["yue"]: GREETING.replace("新", "再新")})
    slower.phones.standing.look()
    shutil.rmtree(slower.phone.settings.state_dir / "city")
    line.exchange = slower
    line.keep_silent()
    assert "edition=1" in line.target("Gather")


@pytest.mark.parametrize("edition", ["999", "x", "", "1-999", "0-1", "9" * 40, "../.."])
def test_an_address_with_an_edition_that_is_not_there_is_answered(
    exchange: Exchange, edition: str
) -> None:
    line = exchange.line()
    twiml = line.go(f"/voice/turn?step=message&turn=1&silences=0&wrong=0&edition={edition}")
    assert said(twiml)


def test_a_text_no_process_can_read_changes_nothing(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        publish(exchange.phone.engine, **{FLOWS["hotline"]: "spec: 1\nsteps: ["})
        assert not exchange.phones.standing.look()
        assert not exchange.phones.standing.look()
    assert said(exchange.line().answer())
    complaints = [one for one in caplog.messages if "cannot be used" in one]
    assert len(complaints) == 1, "it is said once and not every two seconds"


def test_the_last_edition_stays_without_a_database_and_over_a_restart(
    exchange: Exchange, settings: Callable[..., Settings]
) -> None:
    engine = exchange.phone.engine
    publish(engine, **{PROMPTS["yue"]: GREETING})
    exchange.phones.standing.look()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE city_editions RENAME TO away"))
    try:
        assert not exchange.phones.standing.look()
        assert HELLO in said(exchange.line().answer())
        restarted = Exchange(create_app(settings()))
        assert HELLO in said(restarted.line().answer())
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO city_editions"))


def test_going_back_takes_back(exchange: Exchange) -> None:
    engine = exchange.phone.engine
    publish(engine, **{PROMPTS["yue"]: GREETING})
    exchange.phones.standing.look()
    with transaction(engine) as session:
        plan = editions.plan_back(session, 0)
        editions.publish(session, plan, "as it was", by=ADA, now=clock.now())
    exchange.phones.standing.look()
    assert HELLO not in said(exchange.line().answer())


def test_what_the_spool_kept_is_told_by_the_flow_it_was_heard_in(exchange: Exchange) -> None:
    line = exchange.line()
    line.answer()
    line.keep_silent()
    line.keep_silent()
    at = line.webhook(line.target("Gather"), Digits="0")
    renamed = FLOW.replace("fallback:", "nobody_spoke:").replace(
        "silent: fallback", "silent: nobody_spoke"
    )
    publish(exchange.phone.engine, **{FLOWS["hotline"]: renamed})
    exchange.phones.standing.look()
    query = dict(part.split("=") for part in at.path.partition("?")[2].split("&"))
    event = {"kind": "turn", "query": query, "form": dict(at.form), "at": clock.now().isoformat()}
    exchange.phone.spool.add(event)
    assert replay.drain(exchange.phones) == 1
    assert exchange.phone.spool.waiting() == []


def test_the_folder_of_an_edition_leads_to_the_installed_files(exchange: Exchange) -> None:
    phone = exchange.phone
    publish(phone.engine, **{CATEGORIES: "spec: 1"})
    folder = Shelf(phone.settings, phone.engine, editions).folder("1")
    assert folder.name == "hongkong"
    assert (folder / CATEGORIES).read_text() == "spec: 1"
    assert (folder / "places.csv").resolve() == (CITIES / "hongkong/places.csv").resolve()
    installed = (CITIES / "hongkong" / CATEGORIES).read_text(encoding="utf-8")
    assert installed != "spec: 1", "the installed file is not touched"


def browser_call(exchange: Exchange) -> str:
    settings = exchange.phone.settings
    key = BrowserKey(keys.secret(settings.state_dir, "data-key", settings.data_key))
    return key.new_id(clock.now())


def draft(engine: Engine, name: str, content: str) -> int:
    with transaction(engine) as session:
        return editions.draft(session, name, content, None, by=ADA, now=clock.now()).id


def test_a_draft_is_heard_in_a_browser_to_its_end_and_by_nobody_else(exchange: Exchange) -> None:
    engine = exchange.phone.engine
    greeting = draft(engine, PROMPTS["yue"], GREETING)
    renamed = FLOW.replace("fallback:", "nobody_spoke:").replace(
        "silent: fallback", "silent: nobody_spoke"
    )
    flow = draft(engine, FLOWS["hotline"], renamed)
    line = exchange.line()
    line.sid = browser_call(exchange)
    line.go(f"/voice?trial={greeting}-{flow}", CallStatus="ringing")
    assert HELLO in said(line.twiml)
    line.keep_silent()
    line.keep_silent()
    assert "step=nobody_spoke" in line.target("Gather")
    assert f"edition=0-{greeting}-{flow}" in line.target("Gather")
    citizen = exchange.line()
    assert HELLO not in said(citizen.go(f"/voice?trial={greeting}-{flow}", CallStatus="ringing"))
    overheard = citizen.go(line.target("Gather"), Digits="1")
    assert HELLO not in said(overheard)


@pytest.mark.parametrize("trial", ["999", "x", "1-x", "-", "1" * 300])
def test_a_draft_that_is_not_there_is_answered_by_what_is_in_force(
    exchange: Exchange, trial: str
) -> None:
    line = exchange.line()
    line.sid = browser_call(exchange)
    assert said(line.go(f"/voice?trial={trial}", CallStatus="ringing"))


def test_a_draft_that_no_process_can_read_is_answered_by_what_is_in_force(
    exchange: Exchange,
) -> None:
    broken = draft(exchange.phone.engine, FLOWS["hotline"], "spec: 1\nsteps: [")
    line = exchange.line()
    line.sid = browser_call(exchange)
    assert said(line.go(f"/voice?trial={broken}", CallStatus="ringing"))


# --- recordings of prompts ---------------------------------------------------------------------------


def sounds_of(key: str, content: bytes, says: str) -> str:
    digest = hashlib.sha256(content).hexdigest()
    entry = {"sound": digest, "says": says}
    return yaml.safe_dump({"spec": 1, "sounds": {"yue": {key: entry}}}, allow_unicode=True)


def greeting_text(exchange: Exchange) -> str:
    return exchange.phone.callflow.prompts.texts["yue"]["greeting"]


def played(line: Line) -> list[str]:
    return [urlsplit(one.text or "").path for one in line.answer().iter("Play")]


def test_an_uploaded_recording_is_played_from_an_address_that_stays(exchange: Exchange) -> None:
    phone, sound = exchange.phone, tone(1)
    digest = hashlib.sha256(sound).hexdigest()
    Storage(phone.settings.recordings_url).write(f"prompts/{digest}.wav", sound)
    publish(phone.engine, **{SOUNDS: sounds_of("greeting", sound, greeting_text(exchange))})
    exchange.phones.look()
    (address,) = played(exchange.line())
    assert address == f"/prompts/sounds/{digest}.wav"
    answer = exchange.app.test_client().get(address)
    assert answer.data == sound and answer.mimetype in {"audio/wav", "audio/x-wav"}
    publish(phone.engine, **{SOUNDS: "spec: 1\nsounds: {}\n"})
    exchange.phones.look()
    assert played(exchange.line()) == []
    late = exchange.app.test_client().get(address)
    assert late.data == sound, "a call that began before may still ask for it"


def test_a_recording_that_storage_does_not_have_is_spoken_until_it_does(exchange: Exchange) -> None:
    phone, sound = exchange.phone, tone(1)
    publish(phone.engine, **{SOUNDS: sounds_of("greeting", sound, greeting_text(exchange))})
    exchange.phones.look()
    first = exchange.line()
    assert played(first) == [] and "請講" in said(first.twiml)
    digest = hashlib.sha256(sound).hexdigest()
    storage = Storage(phone.settings.recordings_url)
    storage.write(f"prompts/{digest}.wav", b"something else")
    exchange.phones.look()
    assert played(exchange.line()) == [], "it is not what was uploaded"
    storage.write(f"prompts/{digest}.wav", sound)
    exchange.phones.look()
    assert len(played(exchange.line())) == 1


def test_a_recording_of_another_text_is_not_played(exchange: Exchange) -> None:
    phone, sound = exchange.phone, tone(1)
    digest = hashlib.sha256(sound).hexdigest()
    Storage(phone.settings.recordings_url).write(f"prompts/{digest}.wav", sound)
    publish(phone.engine, **{SOUNDS: sounds_of("greeting", sound, "an older text")})
    exchange.phones.look()
    assert played(exchange.line()) == []


@pytest.mark.parametrize(
    "name", ["sounds/../../data-key", "sounds/x.wav", f"sounds/{'0' * 64}.wav"]
)
def test_only_recordings_are_given_out(exchange: Exchange, name: str) -> None:
    assert exchange.app.test_client().get(f"/prompts/{name}").status_code == 404
