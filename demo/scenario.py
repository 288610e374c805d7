"""The calls of the demonstration, read from demo/calls/calls.yaml."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from .caller import Act, hang_up, speak, speak_and_hang_up, stay_silent, wait_for
from .delivery import GOOD_DAY, Delivery
from .media import Manners

CALLS = Path(__file__).resolve().parent / "calls"
Row = dict[str, str]
LANGUAGES = {"yue": "Cantonese", "cmn": "Putonghua", "en": "English"}


@dataclass(frozen=True)
class Scenario:
    """One caller: what they say, how they go about it, and how the provider delivers it."""

    title: str
    language: str
    caller: str
    recording: Path
    says: str
    acts: tuple[Act, ...]
    delivery: Delivery


# How the menu begins that a caller hears once it was seen what is understood of their words, or not.
_ANYTHING_ELSE = {"yue": "想補充", "cmn": "要补充", "en": "To add something"}


def _ends_with_hash(wav: Path, row: Row) -> tuple[Act, ...]:
    """Waits as long as it takes, listens to all of it and lets the hotline ring off."""
    return speak(wav, row["says"], then="#"), _listens(row), stay_silent()


def _just_stops(wav: Path, row: Row) -> tuple[Act, ...]:
    """Waits as long as it takes, and hangs up as the hotline says one may."""
    return speak(wav, row["says"]), _listens(row), hang_up()


def _listens(row: Row) -> Act:
    return wait_for(_ANYTHING_ELSE[row["language"]])


def _line_goes_dead(wav: Path, row: Row) -> tuple[Act, ...]:
    return (speak_and_hang_up(wav, says=row["says"]),)


@dataclass(frozen=True)
class _Plot:
    title: str
    acts: Callable[[Path, Row], tuple[Act, ...]]
    delivery: Delivery = GOOD_DAY


PLOTS = {
    "yue-scaffold.wav": _Plot("inflammable netting on the scaffold", _ends_with_hash),
    "cmn-water.wav": _Plot(
        "no water in the house",
        _just_stops,
        Delivery(media=Manners(encoding="mulaw"), callbacks="before action"),
    ),
    "en-street-lamp.wav": _Plot(
        "a street lamp is out", _ends_with_hash, Delivery(media=Manners(not_ready=1))
    ),
    "yue-cut-off.wav": _Plot("trapped in a lift, the line goes dead", _line_goes_dead),
}


def read(folder: Path = CALLS) -> list[Scenario]:
    """The scripted calls, in order. Raises OSError when the folder is incomplete."""
    rows = yaml.safe_load((folder / "calls.yaml").read_text(encoding="utf-8"))
    by_file = {str(row["file"]): row for row in rows}
    return [_scenario(folder / file, by_file[file], plot) for file, plot in PLOTS.items()]


def _scenario(wav: Path, row: Row, plot: _Plot) -> Scenario:
    return Scenario(
        title=f"{LANGUAGES[row['language']]}, {plot.title}",
        language=row["language"],
        caller=row["caller"],
        recording=wav,
        says=row["says"],
        acts=plot.acts(wav, row),
        delivery=plot.delivery,
    )
