"""The console speaks three languages. What it says is data: `messages/*.yaml`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from runtime.city import City

FOLDER = Path(__file__).with_name("messages")

HANT, HANS, EN = "zh-Hant-HK", "zh-Hans", "en"
LANGUAGES = (HANT, HANS, EN)
# What each language is called by those who read it.
OWN_NAMES = {HANT: "繁體中文", HANS: "简体中文", EN: "English"}
# The language of a city's data that an interface language shows.
DATA_LANGUAGE = {HANT: "yue", HANS: "cmn", EN: "en"}
# The HTML `lang` of what is written in a language of the data.
WRITTEN = {data: interface for interface, data in DATA_LANGUAGE.items()}
SCRIPTS = {"hk": "Hant", "cn": "Hans"}


@dataclass(frozen=True)
class Wording:
    """What one reader reads: the messages in one language, and names from the city's data."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """The message, filled in. Raises KeyError when there is none."""
        return messages()[key][self.language].format(**values)

    def told(self, key: str, values: Mapping[str, object]) -> str:
        """The message, with a dash where a value is not known."""
        return messages()[key][self.language].format_map(_Told(values))

    def has(self, key: str) -> bool:
        return key in messages()

    def name(self, names: Mapping[str, str]) -> str:
        """A name of the city's data, in this language."""
        return names[DATA_LANGUAGE[self.language]]


class _Told(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "–"


@cache
def messages() -> Mapping[str, Mapping[str, str]]:
    """Every message in every language. Raises ValueError when two files have the same one."""
    found: dict[str, Mapping[str, str]] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        here = yaml.safe_load(file.read_text(encoding="utf-8"))
        if twice := found.keys() & here.keys():
            raise ValueError(f"{file.name}: {sorted(twice)} stand elsewhere too")
        found |= here
    return found


def choose(wanted: Iterable[str], city: City) -> str:
    """The interface language for a browser's list of languages (BCP 47), best first.

    zh-CN and zh-SG read Simplified, zh-TW, zh-HK and zh-MO Traditional; plain zh reads as the city
    writes. Without any we know: the city's own.
    """
    home = HANT if city.script == "hk" else HANS
    for tag in wanted:
        if language := _interface(tag.lower().replace("_", "-"), home):
            return language
    return home if city.languages[0] != "en" else EN


def _interface(tag: str, home: str) -> str | None:
    main, *rest = tag.split("-")
    if main == "en":
        return EN
    if main not in {"zh", "yue", "cmn"}:
        return None
    if "hant" in rest or ({"tw", "hk", "mo"} & {*rest} and "hans" not in rest):
        return HANT
    if {"hans", "cn", "sg"} & {*rest}:
        return HANS
    return home


def speech_tag(language: str | None, city: City) -> str | None:
    """The HTML `lang` of a transcript: what was spoken, in the city's script."""
    if language in (None, "en"):
        return language
    return f"{'zh' if language == 'cmn' else language}-{SCRIPTS[city.script]}"
