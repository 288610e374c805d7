"""Reads one data file of a city's folder, and says in one line what is wrong with it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

Text = TypeVar("Text")
LANGUAGES = ("yue", "cmn", "en")
STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)


class PackError(ValueError):
    """A city's data cannot be used. One line: the file, the entry and field, and what to do."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(f"{file}: {what}")
        self.file, self.what = file, what


def in_every_language(texts: Mapping[str, Text]) -> Mapping[str, Text]:
    """The texts, if there is one for each of the three languages and no other."""
    if set(texts) != set(LANGUAGES) or not all(texts.values()):
        raise ValueError(f"must be given in each of {', '.join(LANGUAGES)}")
    return texts


def with_codes(entries: object) -> object:
    """`{bd: {...}}` -> `{bd: {code: bd, ...}}`: an entry's key is its code."""
    if not isinstance(entries, Mapping):
        return entries
    return {
        code: {"code": code, **entry} if isinstance(entry, Mapping) else entry
        for code, entry in entries.items()
    }


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
Names = Annotated[Mapping[str, str], AfterValidator(in_every_language)]
Coded = BeforeValidator(with_codes)


class Pack(BaseModel):
    """A data file of a city: `spec: 1`, then what the subclass says, and nothing else."""

    model_config = STRICT
    spec: Literal[1]

    @classmethod
    def read(cls, file: Path) -> Self:
        """The file's content, checked. Raises PackError."""
        try:
            content = yaml.load(file.read_text(encoding="utf-8"), _Loader)
            return cls.model_validate(content)
        except FileNotFoundError:
            raise PackError(file, "is missing; copy it from another city's folder") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise PackError(file, " ".join(str(error).split())) from None
        except ValidationError as error:
            raise PackError(file, _first_problem(error)) from None


class _Loader(yaml.SafeLoader):
    """YAML, but a key that stands twice is an error and does not silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"{key.value!r} twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ")
    return f"{field}: {_IN_PLAIN_WORDS.get(problem['type'], said)}"


_IN_PLAIN_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this file; is it misspelt?",
    "unexpected_keyword_argument": "is not a field of this file; is it misspelt?",
    "string_type": "must be text; put it in quotes",
}
