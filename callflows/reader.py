"""Reads a city's call flow and prompts from its folder. The only part of callflows that does I/O.

A city folder may hold `flows/hotline.yaml`, `flows/followup.yaml`, `prompts/{yue,cmn,en}.yaml` (only
the prompts that differ), `prompts/audio/<language>/<prompt>.wav|mp3`, and `prompts/sounds.yaml` (the
recordings that were uploaded); what it lacks comes from this package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from callflows.checker import check
from callflows.events import Values
from callflows.flow import STEP_KINDS, Callflow, Data, Flow, Retry
from callflows.problems import FlowError, Problem, did_you_mean
from callflows.prompts import PromptBook

DEFAULTS = Path(__file__).parent
FLOWS = ("hotline", "followup")
AUDIO = Path("prompts/audio")
SOUNDS = Path("prompts/sounds.yaml")
# Where sounds that were uploaded are found below the address of the prompts' files.
UPLOADED = "sounds"

_Model = TypeVar("_Model", bound=BaseModel)


class PromptFile(Data):
    """The texts of one language, by prompt key; `{name}` and `{name:digits}` are filled in."""

    spec: Literal[1]
    language: Literal["yue", "cmn", "en"]
    prompts: dict[str, str]


class Sound(Data):
    """A prompt's recording that was uploaded: its SHA-256, and the text that it says."""

    sound: str = Field(pattern=r"^[0-9a-f]{64}$")
    says: str


class SoundFile(Data):
    """The uploaded recordings, by language and prompt key."""

    spec: Literal[1]
    sounds: dict[Literal["yue", "cmn", "en"], dict[str, Sound]]


class CityLine(BaseModel):
    """What prompts tell about a city, for the commands of this package (of `city.yaml`)."""

    name: dict[str, str]
    hotline: str
    emergency: str
    fire: str | None = None
    ambulance: str | None = None
    languages: list[Literal["yue", "cmn", "en"]] = Field(min_length=1)


def load(
    city_folder: Path, *, languages: Sequence[str], facts: Values, flow: str = FLOWS[0]
) -> Callflow:
    """The city's call flow, checked. Raises FlowError with everything that is wrong with it.

    languages: the city's, the default one first. facts: what prompts may say in every call.
    flow: which of FLOWS, the one that answers calls unless named.
    """
    file = _own_or_default(city_folder, Path(f"flows/{flow}.yaml"))
    own = {language: _prompts(city_folder, language) for language in languages}
    common = {language: _prompts(DEFAULTS, language) for language in languages}
    keys = {language: str(at) for at, language in enumerate(languages, start=1)}
    texts = {code: {**common[code], **own[code]} for code in languages}
    book = PromptBook(
        languages=tuple(languages),
        texts=texts,
        facts={**facts, "language_key": keys},
        audio={**_audio(city_folder / AUDIO), **_uploaded(city_folder / SOUNDS, texts)},
    )
    callflow = Callflow(_parse(file, Flow), book)
    others = _words_of_other_flows(city_folder, flow)
    new = {
        str(_prompt_file(city_folder, code)): own[code].keys() - common[code] - others
        for code in own
    }
    problems = check(callflow, str(file), new)
    if problems:
        raise FlowError(problems)
    return callflow


def load_city(city_folder: Path, flow: str = FLOWS[0]) -> Callflow:
    """The same, with languages and facts taken from `city.yaml`: for the commands of this package.

    A running service passes its own facts to `load`.
    """
    line = _parse(city_folder / "city.yaml", CityLine)
    facts: Values = {
        "city": line.name,
        "hotline": line.hotline,
        "emergency": line.emergency,
        "fire": line.fire or line.emergency,
        "ambulance": line.ambulance or line.emergency,
    }
    return load(city_folder, languages=line.languages, facts=facts, flow=flow)


def _own_or_default(city_folder: Path, path: Path) -> Path:
    own = city_folder / path
    return own if own.exists() else DEFAULTS / path


def _words_of_other_flows(city_folder: Path, flow: str) -> set[str]:
    """What the city's own other flows may say: their prompts are not unused."""
    files = [city_folder / f"flows/{other}.yaml" for other in FLOWS if other != flow]
    texts = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    return {word for text in texts for word in re.findall(r"\w+", text)}


def _prompt_file(folder: Path, language: str) -> Path:
    return folder / "prompts" / f"{language}.yaml"


def _prompts(folder: Path, language: str) -> Mapping[str, str]:
    file = _prompt_file(folder, language)
    if not file.exists():
        return {}
    content = _parse(file, PromptFile)
    if content.language != language:
        what = f"language: {content.language} in a file named {file.name}"
        raise _unreadable(file, what, f"write language: {language}")
    return content.prompts


def _audio(folder: Path) -> Mapping[tuple[str, str], str]:
    files = [*folder.glob("*/*.mp3"), *folder.glob("*/*.wav")]
    return {(file.parent.name, file.stem): file.relative_to(folder).as_posix() for file in files}


def _uploaded(file: Path, texts: Mapping[str, Mapping[str, str]]) -> Mapping[tuple[str, str], str]:
    """Uploaded recordings of prompts that still say what was recorded; others are spoken."""
    if not file.exists():
        return {}
    sounds = _parse(file, SoundFile).sounds
    return {
        (language, key): f"{UPLOADED}/{one.sound}.wav"
        for language, of_language in sounds.items()
        for key, one in of_language.items()
        if texts.get(language, {}).get(key) == one.says
    }


# --- YAML and its mistakes -------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """A name given twice is a mistake, not the last one."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    names = [loader.construct_object(key) for key, _ in node.value]
    for name in names:
        if names.count(name) > 1:
            twice = f"{name!r} is given twice"
            raise yaml.MarkedYAMLError(problem=twice, problem_mark=node.start_mark)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _yaml(file: Path) -> object:
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise _unreadable(file, "cannot be read", str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = " ".join(str(error).split())
        raise _unreadable(file, f"is not YAML: {what}", "mend that line") from error


def _unreadable(file: Path, what: str, suggestion: str) -> FlowError:
    return FlowError([Problem(str(file), None, what, suggestion)])


def _parse(file: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(_yaml(file))
    except ValidationError as error:
        raise FlowError([_problem(file, dict(e)) for e in error.errors()]) from error


def _problem(file: Path, error: Mapping[str, Any]) -> Problem:
    place = [str(part) for part in error["loc"]]
    step = place[1] if place[:1] == ["steps"] and len(place) > 1 else None
    where = ".".join(place[2:] if step else place)
    what = f"{where}: {error['msg']}".lstrip(": ")
    return Problem(str(file), step, what, _suggestion(error, place))


def _suggestion(error: Mapping[str, Any], place: Sequence[str]) -> str:
    match error["type"]:
        case "extra_forbidden":
            return did_you_mean(place[-1], _fields(place))
        case "missing":
            return f"add {place[-1]}"
        case "union_tag_invalid":
            return did_you_mean(str(error["ctx"]["tag"]), STEP_KINDS)
        case _:
            return "callflows/flow.py describes every field and its bounds"


def _fields(place: Sequence[str]) -> list[str]:
    """The names that would be right where a wrong one stands: of the step's kind, or the flow."""
    kinds = [STEP_KINDS[part] for part in place if part in STEP_KINDS]
    models: list[type[BaseModel]] = [*kinds, Retry] if kinds else [Flow, PromptFile]
    return [name for model in models for name in model.model_fields]
