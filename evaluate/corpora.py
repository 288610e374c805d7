"""Folders of recordings with what is said in them, in the four ways that sets come in.

A file beside each recording (x.wav, x.txt and, if there is one, x.json), a list of Common Voice,
the layout of AISHELL, or the lists of Kaldi. Which one it is shows in the files.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final = ("yue", "cmn", "en")
SOUNDS: Final = (".wav", ".mp3")
SPEAKER_OF_AISHELL: Final = re.compile(r"S\d{4}(?=W\d{4})")
# How sets call the languages. Common Voice's zh-HK is Cantonese as read in Hong Kong.
CALLED: Final = {
    **{"yue": "yue", "zh-hk": "yue", "yue-hk": "yue", "cantonese": "yue"},
    **{"cmn": "cmn", "zh": "cmn", "zh-cn": "cmn", "zh-tw": "cmn", "mandarin": "cmn"},
    **{"en": "en", "en-us": "en", "en-gb": "en", "eng": "en", "english": "en"},
}


class CorpusError(Exception):
    """A set cannot be read. One line: the file, its line where it has lines, and what to do."""

    def __init__(self, file: Path, what: str, line: int | None = None) -> None:
        super().__init__(f"{file}{f':{line}' if line else ''}: {what}")


@dataclass(frozen=True)
class Recording:
    """A recording and what is said in it; an empty text where nobody speaks, then in no language.

    `name` is the same on every machine: the path in the set. `speaker`: empty where nobody knows.
    """

    name: str
    path: Path
    text: str
    language: str = ""
    speaker: str = ""
    domain: str = ""


def read(source: Path, language: str = "") -> list[Recording]:
    """The set in the folder or list `source`, in the order of the names.

    `language`: that of recordings whose set does not say. Raises CorpusError.
    """
    if not source.exists():
        raise CorpusError(source, "is not there")
    found = [_settled(recording, language) for recording in _reader(source)]
    if not found:
        raise CorpusError(source, "holds no recordings (x.wav or x.mp3 with x.txt beside it)")
    return sorted(found, key=lambda recording: recording.name)


def _reader(source: Path) -> Iterator[Recording]:
    if source.is_file():
        return _listed(source)
    if (source / "wav.scp").is_file():
        return _kaldi(source)
    if transcripts := sorted(source.glob("transcript/*.txt")) or sorted(
        source.glob("*transcript*.txt")
    ):
        return _aishell(source, transcripts)
    if (source / "clips").is_dir():
        return _common_voice(_list_of(source))
    return _beside(source)


def _listed(file: Path) -> Iterator[Recording]:
    """The set that a list is of: its folder is told by where the list lies in it."""
    if file.name == "wav.scp":
        return _kaldi(file.parent)
    if file.suffix == ".txt":
        inside = file.parent.name == "transcript"
        return _aishell(file.parent.parent if inside else file.parent, [file])
    return _common_voice(file)


def _settled(recording: Recording, otherwise: str) -> Recording:
    """With one of our languages. Raises CorpusError where that is unknown."""
    if not recording.text:
        return replace(recording, language="")
    said = recording.language or otherwise
    if not said:
        advice = 'say it in a .json beside it ({"language": "yue"}), or give --language'
        raise CorpusError(recording.path, f"nobody says what language it is in: {advice}")
    language = CALLED.get(said.lower().replace("_", "-"))
    if language is None:
        known = ", ".join(LANGUAGES)
        raise CorpusError(recording.path, f"{said!r} is not a language we hear: {known}")
    return replace(recording, language=language)


def _beside(folder: Path) -> Iterator[Recording]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS):
        words = path.with_suffix(".txt")
        if not words.is_file():
            raise CorpusError(words, f"is missing: what is said in {path.name} (empty for silence)")
        yield Recording(
            path.relative_to(folder).as_posix(),
            path,
            " ".join(_text(words).split()),
            **_about(path.with_suffix(".json")),
        )


def _about(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        content: Any = json.loads(_text(file))
        return {
            field: str(content[field])
            for field in ("language", "speaker", "domain")
            if field in content
        }
    except (ValueError, TypeError) as error:
        raise CorpusError(file, f"is not JSON with language and speaker: {error}") from None


def _list_of(folder: Path) -> Path:
    lists = sorted(folder.glob("*.tsv"))
    if (chosen := folder / "test.tsv") in lists or len(lists) == 1:
        return chosen if chosen in lists else lists[0]
    names = ", ".join(file.name for file in lists) or "none"
    raise CorpusError(folder, f"has no test.tsv: give one of its lists instead ({names})")


def _common_voice(file: Path) -> Iterator[Recording]:
    rows = csv.DictReader(_text(file).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = {"path", "sentence"} - set(rows.fieldnames or ())
    if missing:
        raise CorpusError(file, f"has no column {', '.join(sorted(missing))}", 1)
    for number, row in enumerate(rows, start=2):
        if not row["path"] or row["sentence"] is None:
            raise CorpusError(file, "has too few columns", number)
        yield Recording(
            row["path"],
            _there(file.parent / "clips" / row["path"], file, number),
            row["sentence"].strip(),
            row.get("locale") or "",
            row.get("client_id") or "",
        )


def _aishell(folder: Path, transcripts: list[Path]) -> Iterator[Recording]:
    sounds = {path.stem: path for path in folder.rglob("*.wav")}
    said = {name: text for file in transcripts for name, text in _table(file).items()}
    for name in sorted(sounds.keys() & said.keys()):
        speaker = SPEAKER_OF_AISHELL.search(name)
        yield Recording(
            sounds[name].relative_to(folder).as_posix(),
            sounds[name],
            said[name],
            "cmn",
            speaker[0] if speaker else sounds[name].parent.name,
        )


def _kaldi(folder: Path) -> Iterator[Recording]:
    if (folder / "segments").is_file():
        raise CorpusError(folder / "segments", "is not read: cut the recordings, one an utterance")
    said = _table(folder / "text")
    speakers, languages = _table(folder / "utt2spk"), _table(folder / "utt2lang")
    scp = folder / "wav.scp"
    for number, (name, place) in enumerate(_table(scp).items(), start=1):
        if place.endswith("|"):
            raise CorpusError(scp, "is a command to run: write the sounds into files", number)
        if name not in said:
            raise CorpusError(folder / "text", f"has no line for {name}")
        path = _there(folder / place, scp, number)
        yield Recording(name, path, said[name], languages.get(name, ""), speakers.get(name, ""))


def _table(file: Path) -> dict[str, str]:
    """Lines of a name and, behind a space, what belongs to it; nothing where there is no file."""
    if not file.is_file() and file.name != "text":
        return {}
    lines = (line.strip().partition(" ") for line in _text(file).replace("\t", " ").splitlines())
    return {name: rest.strip() for name, _, rest in lines if name}


def _there(path: Path, file: Path, line: int) -> Path:
    if not path.is_file():
        raise CorpusError(file, f"there is no file {path}", line)
    return path


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CorpusError(file, "is missing") from None
    except UnicodeDecodeError as error:
        number = file.read_bytes()[: error.start].count(b"\n") + 1
        raise CorpusError(file, "is not UTF-8", number) from None
