"""`python -m demo`: place scripted calls with real sound and show what becomes of them.

`--once` ends by itself: exit code 0 when every call has its case with a transcript, 1 otherwise.
"""

import argparse
import fcntl
import os
import select
import signal
import sys
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.text import Text

from . import screen, town, work
from .call import Call
from .exchange import Exchange
from .house import ADDRESS, MODEL, PROJECT, WITH_PHONE, House, HouseError, free_port
from .scenario import Scenario, read

STATE = PROJECT / "var" / "demo"
AGENT = "demo"
LIMIT = 180.0  # seconds all transcripts may take together
WARNING = (
    "The bundled model is small ({size:.1f} MB) and understands only the kind of sentence this "
    "demonstration speaks, in synthetic voices. For real callers set WHISPER_MODEL=turbo."
)


class Unhappy(Exception):
    """The demonstration did not show what it should; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    wish = _wishes(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    out = screen.console()
    try:
        with _alone(wish.state), _hotline(wish.state) as (exchange, house):
            demonstrate(out, exchange, house, stay=not wish.once, limit=wish.limit)
    except KeyboardInterrupt:
        out.print("\nGoodbye.")
        return 130 if wish.once else 0
    except (Unhappy, HouseError, OSError) as problem:
        out.print(Text(f"\n{problem}", style="bold red"))
        return 1
    return 0


def _wishes(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when all calls have their cases")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for all transcripts")
    parser.add_argument("--state", type=Path, default=STATE, help="where the hotline keeps all")
    return parser.parse_args(arguments)


def demonstrate(
    out: Console, exchange: Exchange, house: House, stay: bool, limit: float = LIMIT
) -> None:
    """The whole show. Raises Unhappy or HouseError when something is not as it should be."""
    scenarios = read()
    _start(out, house)
    calls = _place(out, exchange, scenarios)
    watch = work.Stopwatch()
    progress = _follow(out, house, calls, watch, limit)
    for scenario, one in zip(scenarios, progress, strict=True):
        out.print(screen.outcome(scenario, one, watch.seconds(one)))
    shortfalls = _shortfalls(scenarios, progress, watch, limit)
    if shortfalls and not stay:
        raise Unhappy("\n".join(["The demonstration did not come off:", *shortfalls]))
    if stay:
        _stay(out, house, shortfalls)


def _start(out: Console, house: House) -> None:
    began = time.monotonic()
    if not MODEL.is_file():
        raise Unhappy(f"The demonstration's speech model is missing: {MODEL}")
    with out.status("Starting the hotline: database, web, worker ..."):
        house.migrate()
        house.start_worker()
        house.start_web()
    out.print(f"The hotline is up at {house.address} ({time.monotonic() - began:.1f} s).")
    out.print(Text(WARNING.format(size=MODEL.stat().st_size / 1e6), style="yellow"))


def _place(out: Console, exchange: Exchange, scenarios: Sequence[Scenario]) -> list[Call]:
    lines = screen.CallScreen(out)
    exchange.tell = lines.show
    calls = []
    for number, scenario in enumerate(scenarios, 1):
        lines.announce(number, len(scenarios), scenario)
        calls.append(exchange.place(scenario.caller, scenario.acts, scenario.delivery))
    exchange.settle()
    return calls


def _follow(
    out: Console, house: House, calls: Sequence[Call], watch: work.Stopwatch, limit: float
) -> list[work.Progress]:
    """Show the transcription until it is over; where it stands then."""
    out.print()
    now: list[work.Progress] = []
    with screen.progress(out) as show:
        for now in work.watch(house, calls, limit):
            watch.look(now)
            show(now)
    return now


def _shortfalls(
    scenarios: Sequence[Scenario],
    progress: Sequence[work.Progress],
    watch: work.Stopwatch,
    limit: float,
) -> list[str]:
    """Every call must have one case, and the case a transcript in time; what falls short of that."""
    found = []
    for scenario, one in zip(scenarios, progress, strict=True):
        if len(one.cases) != 1:
            found.append(f"{scenario.title}: {len(one.cases)} cases instead of one")
        elif not one.cases[0]["transcript"]:
            found.append(f"{scenario.title}: no transcript, only {one.words}")
        elif (seconds := watch.seconds(one)) is not None and seconds > limit:
            found.append(f"{scenario.title}: a transcript only after {seconds:.1f} s")
    return found


def _stay(out: Console, house: House, shortfalls: Sequence[str]) -> None:
    out.print()
    for shortfall in shortfalls:
        out.print(Text(shortfall, style="bold red"))
    out.print(Text("Now call the hotline yourself.", style="bold"))
    link = _show_link(out, house)
    out.print("Ctrl-C ends the demonstration; Enter gives another link.")
    if out.is_terminal and _has_screen():
        webbrowser.open(link)
    while True:
        house.check()
        if _enter_was_pressed(1.0):
            _show_link(out, house)


def _show_link(out: Console, house: House) -> str:
    """The link to the telephone and the console; on one line, however narrow the terminal."""
    link = house.sign_in_link(AGENT)
    out.print(f"The console: {link}", soft_wrap=True)
    return link


def _has_screen() -> bool:
    """Whether a browser would open in a window, and not in this terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _enter_was_pressed(seconds: float) -> bool:
    """Wait so long for somebody at the terminal."""
    if not sys.stdin or not sys.stdin.isatty():
        time.sleep(seconds)
        return False
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready and sys.stdin.readline())


@contextmanager
def _hotline(state: Path) -> Iterator[tuple[Exchange, House]]:
    """A provider and a hotline that know each other; both are gone afterwards."""
    port = free_port()
    with Exchange(f"http://{ADDRESS}:{port}") as exchange:
        settings = {
            "TWILIO_ACCOUNT_SID": exchange.account,
            "MEDIA_HOSTS": exchange.media.host,
            "CITY": str(town.build(state.resolve())),
            **WITH_PHONE,
        }
        house = House(state.resolve(), settings, port=port, token=exchange.token)
        house.forget_logs()
        try:
            yield exchange, house
        finally:
            house.stop()


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One demonstration at a time has the state folder. Raises Unhappy."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            raise Unhappy(f"A demonstration is running already in {state}.") from taken
        yield


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
