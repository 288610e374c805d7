"""What the console takes on the server for each step of an agent's case, with a year of cases behind it.

A step is what one press asks for, from the request to the last byte of the answer, in this process and
without the network. The cases are those of `city`, with what was said in each; some thousands of the
newest wait at the desk.
"""

import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

from argon2 import PasswordHasher
from rich.table import Table
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from bench import city
from cases import agents, search
from runtime import clock, database
from runtime.database import transaction
from tests.conftest import migrate
from tests.support.console_app import ConsoleHouse, Visitor, console_house, on_page
from tests.support.servers import postgres_server

# What a step may take, in milliseconds.
MOST: Final = 100.0
ROUNDS: Final = 25
WAITING: Final = 3000
# So many texts are made; each is what was said in every so manieth case.
TEXTS: Final = 500

_SAID_IN_ALL: Final = (
    "INSERT INTO recordings (call_id, status, seconds, replaced, hung_up, complete, storage_key, "
    "priority, announced_at, attempts, deaths, next_try_at) "
    "SELECT id, 'transcribed', 41, false, false, true, 'sound', 0, began_at, 0, 0, began_at FROM calls",
    "INSERT INTO transcripts (recording_id, engine, model, language, language_probability, confidence, "
    "text, raw_text, segments, flags, masked_text, made_at) "
    "SELECT r.id, 'openai-whisper', 'small', 'yue', 0.98, 0.9, s.text, s.text, s.segments, '[]', s.text, "
    "r.announced_at FROM recordings r JOIN said s ON s.id = r.call_id % :texts",
    "INSERT INTO search_texts (case_id, source, audience, words) "
    "SELECT c.id, 'said', 'all', s.words::tsvector FROM cases c JOIN said s ON s.id = c.call_id % :texts",
)
# Back to where a caller has just hung up.
_WAIT_AT_THE_DESK: Final = (
    "CREATE TEMP TABLE newest AS SELECT id FROM cases ORDER BY id DESC LIMIT :waiting",
    "UPDATE cases SET status = 'received', owner = 'desk', category_confirmed = false, "
    'category_alternatives = \'[["refuse", 0.2], ["noise", 0.1]]\' WHERE id IN (SELECT id FROM newest)',
    "INSERT INTO clocks (case_id, kind, grade, span, set_at, warn_at, due_at, third_at) "
    "SELECT id, 'dispatch', 'ordinary', '1wd', opened_at, due_at - interval '6 hours', due_at, "
    "due_at + interval '2 days' FROM cases WHERE id IN (SELECT id FROM newest)",
    "UPDATE referrals SET answer = 'withdrawn' WHERE case_id IN (SELECT id FROM newest)",
)


class Took(NamedTuple):
    """Milliseconds of one step: by the wall's clock, and of this process alone. The rest is the database,
    and whatever else the machine does."""

    wall: float
    own: float


Times = dict[str, list[Took]]


def measure(count: int, tell: Callable[[str], object]) -> Times:
    """Milliseconds of every step, each time it was done, with so many cases in PostgreSQL.

    Raises AssertionError when a step is not answered as it should be.
    """
    with _house(count, tell) as house:
        visitor = _agent(house)
        times: Times = {}
        for number in range(ROUNDS + 1):
            tell(f"an agent's case {number} of {ROUNDS}")
            took = _a_case(visitor)
            if number:  # the first reads templates and fills caches
                for step, one in took.items():
                    times.setdefault(step, []).append(one)
        return times


def _a_case(visitor: Visitor) -> dict[str, Took]:
    took: dict[str, Took] = {}

    def step(name: str, ask: Callable[[], TestResponse], status: int = 200) -> TestResponse:
        began, own = time.perf_counter(), time.process_time()
        answer = ask()
        answer.get_data()
        wall, own = time.perf_counter() - began, time.process_time() - own
        took[name] = Took(wall * 1000, own * 1000)
        assert answer.status_code == status, (name, answer.status)
        return answer

    step("desk", lambda: visitor.get("/desk"))
    visitor.get("/settings")
    taken = step("next case", lambda: visitor.post("/desk/next"), 303)
    where = str(taken.location).partition("?")[0]
    page = step("case page", lambda: visitor.get(where)).text
    step("departments for a category", lambda: visitor.get(f"{where}/departments?category=refuse"))
    step("who else is here", lambda: visitor.post(f"{where}/presence", active="1"))
    save = partial(_correct, visitor, page)
    told = step("a word of the text corrected", save).get_json()
    assert str(told["was"]) == on_page(page)["version"]
    now = {"version": str(told["version"]), "seen": str(told["seen"])}
    state = {**now, "category": "refuse", "lead": "fehd", "then": "next"}
    done = step(
        "dispatch, and the next case", lambda: visitor.post(f"{where}/dispatch", **state), 303
    )
    following = str(done.location).partition("?")[0]
    visitor.get(following)
    visitor.post(f"{following}/put-back")
    step("list", lambda: visitor.get("/cases"))
    step("list, late ones, due first", lambda: visitor.get("/cases?late=any&order=due"))
    for words in ("漏水", "垃圾 噪音"):
        step(f"search for {words}", partial(visitor.get, "/cases", query_string={"q": words}))
    return took


def _correct(visitor: Visitor, page: str) -> TestResponse:
    """As the page's script saves a text on the way to its dispatch."""
    form = re.search(
        r'action="([^"]+/text)".*?name="base" value="(\d+)".*?<textarea[^>]*>(.*?)</textarea>',
        page,
        re.DOTALL,
    )
    assert form, "the page has a text to correct"
    address, base, words = form.groups()
    sent = {"csrf_token": visitor.proof, "base": base, "text": words.replace("好耐", "好耐耐", 1)}
    return visitor.client.post(address, data=sent, headers={"Accept": "application/json"})


def _agent(house: ConsoleHouse) -> Visitor:
    # One who signs in is to wait; here nobody signs in for real.
    agents._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    return house.signed_in(name="mei")


@contextmanager
def _house(count: int, tell: Callable[[str], object]) -> Iterator[ConsoleHouse]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgres_server() as server:
        migrate(server.url)
        url = server.url.replace("postgresql:", "postgresql+psycopg:")
        engine = database.engine(url)
        tell(f"putting in {count:,} cases")
        city.fill([engine], count, clock.now())
        tell("and what was said in them")
        _say(engine)
        house = console_house(Path(folder), url)
        yield house
        house.engine.dispose()
        engine.dispose()


def _say(engine: Engine) -> None:
    rows = [dict(_text(n)) for n in range(TEXTS)]
    with transaction(engine) as session:
        connection = session.connection()
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(
            text("CREATE TEMP TABLE said (id int, text text, segments jsonb, words text)")
        )
        connection.execute(
            text("INSERT INTO said VALUES (:id, :text, CAST(:segments AS jsonb), :words)"), rows
        )
        for statement in (*_SAID_IN_ALL, *_WAIT_AT_THE_DESK):
            wanted = {"texts": TEXTS, "waiting": WAITING}
            named = {name: value for name, value in wanted.items() if f":{name}" in statement}
            connection.execute(text(statement), named)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def _text(n: int) -> Mapping[str, Any]:
    """Some forty seconds of speech, about one or two of the city's kinds of matters."""
    dice = random.Random(n)
    words = [word for kind in dice.sample(city.KINDS, 2) for word in kind.words["yue"]]
    sentences = [
        f"我住喺第{dice.randrange(1, 60)}座{dice.randrange(1, 40)}樓，{dice.choice(words)}好耐喇，"
        f"成日都{dice.choice(words)}，麻煩你哋派人嚟睇下。"
        for _ in range(6)
    ]
    segments = [
        {"start": 7.0 * i, "end": 7.0 * i + 6.5, "text": one, "confidence": 0.9, "flags": []}
        for i, one in enumerate(sentences)
    ]
    whole = "".join(sentences)
    return {
        "id": n,
        "text": whole,
        "segments": json.dumps(segments),
        "words": search.stored("postgresql", whole),
    }


def table(times: Times, count: int) -> Table:
    """The steps in milliseconds, and which of them take longer than they may."""
    title = f"The server's part of an agent's steps: ms, {count:,} cases in PostgreSQL"
    shown = Table(box=None, padding=(0, 2, 0, 0), title=title)
    shown.add_column("step")
    for name in ("median", "p95", "own CPU", f"under {MOST:.0f}"):
        shown.add_column(name, justify="right", no_wrap=True)
    for step, took in times.items():
        usual, high, own = _median(took), _p95(took), _own(took)
        shown.add_row(
            step,
            f"{usual:.1f}",
            f"{high:.1f}",
            f"{own:.1f}",
            "yes" if usual < MOST else "NO",
        )
    return shown


def slow(times: Times) -> list[str]:
    """The steps that mostly take longer than they may."""
    return [step for step, took in times.items() if _median(took) >= MOST]


def as_dict(times: Times) -> dict[str, object]:
    """For JSON: milliseconds."""
    return {
        step: {
            "median": round(_median(took), 2),
            "p95": round(_p95(took), 2),
            "own": round(_own(took), 2),
        }
        for step, took in times.items()
    }


def _median(took: list[Took]) -> float:
    return median(one.wall for one in took)


def _own(took: list[Took]) -> float:
    return median(one.own for one in took)


def _p95(took: list[Took]) -> float:
    return quantiles([one.wall for one in took], n=20)[-1]
