"""Where is it? Places of the city looked for in what a caller said: as they are written, as they sound,
and nearly so.

A name is found *exact* (character for character, in either script), by *sound* (every syllable the
same, some characters not) or *near* (a syllable or two misheard, lost or added: one in a name of four,
two from seven on). Short names need more: one of two characters is only found exact, one of three needs
one character right, so that 忠還 is not 中環, or, with a syllable misheard, another place right before it
(何文田石悖街).

How sure: what the way of finding is worth, times the share of the name among the names that would
fit the same stretch as well. A place that lies in a district or area which is named too gains by it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from rapidfuzz import fuzz

from cases.places import KEY, Place, Places, comparable, stands_alone
from cases.sounds import sound

How = Literal["exact", "sound", "near"]

MOST: Final = 5
# Wider than an address: they say where to look, and help to choose among the others.
WIDE: Final = frozenset({"district", "subdistrict", "area"})
_WORTH: Final[Mapping[How, float]] = {"exact": 0.97, "sound": 0.85, "near": 0.6}
# What a name of so many characters is worth: 大圍 may be something else, 大埔宏福苑 hardly.
_LENGTH: Final = {2: 0.8, 3: 0.95}
# What a register adds and nobody says: 華富(一)邨, 華富一邨 and Wah Fu (I) Estate.
_ADDED: Final = re.compile(
    r"\s*[(（][^)）]*[)）]|(?<=..)[一二三四五六七八九十]+(?=[邨村]$)| (?:I|II|III|IV|V)(?= Estate$)"
)
_ALIKE: Final = 66.0  # percent, of the alignment of a near name
_ENGLISH_ALIKE: Final = 88.0
# From how many syllables (letters) on one more of them may be wrong.
_CHINESE_STEPS: Final = (3, 7)
_ENGLISH_STEPS: Final = (8, 14)
_ORDER: Final[Mapping[How, int]] = {"exact": 0, "sound": 1, "near": 2}
_SHARPNESS: Final = 6
_GAINED: Final = 0.6
_ELSEWHERE: Final = 0.6
_WIDE_COUNTS: Final = 0.5


@dataclass(frozen=True)
class Candidate:
    """A place that may have been meant by characters `start` up to `end` of the text. `name`: as it is
    properly written in the caller's language; `confidence` in 0..1."""

    place: Place
    name: str
    start: int
    end: int
    how: How
    confidence: float

    @property
    def wide(self) -> bool:
        return self.place.kind in WIDE


@dataclass(frozen=True)
class _Name:
    plain: str
    sound: str
    place: Place
    grams: frozenset[str]

    @property
    def english(self) -> bool:
        return self.sound.isascii()

    @property
    def misheard(self) -> int:
        """How many syllables (letters, in an English name) may be wrong."""
        steps = _ENGLISH_STEPS if self.english else _CHINESE_STEPS
        return sum(len(self.sound) >= step for step in steps)


@dataclass(frozen=True)
class Gazetteer:
    """The places of a city by sound, for texts in one language: an index of pairs of syllables."""

    language: str
    _names: Sequence[_Name] = field(repr=False)
    _filed: Mapping[str, Sequence[int]] = field(repr=False)

    @classmethod
    def of(cls, places: Places, language: str) -> Gazetteer:
        """The index of these places. A hundred thousand names take some seconds, once."""
        names = tuple(_names(places, language))
        filed: defaultdict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(names):
            short = _around(name.sound) if len(name.sound) == 3 else frozenset()
            for gram in name.grams | short:
                filed[gram].append(number)
        return cls(language, names, dict(filed))

    def look_up(self, text: str, most: int = MOST) -> tuple[Candidate, ...]:
        """The places that may have been meant, the likeliest first; empty: no place heard.

        What is wider than an address (a district) stands behind what is not. Of one place only the
        best stretch is told, and no name that is only part of another's stretch and fits no better.
        """
        plain, heard = comparable(text), sound(text, self.language)
        found = [
            Candidate(name.place, self._proper(name.place), *fit)
            for name in self._likely(heard)
            if (fit := _fit(name, text, plain, heard))
        ]
        kept = _without_nested(_best_of_each_place(_anchored(found)))
        return tuple(sorted(_helped(_shared(kept)), key=_rank)[:most])

    def _likely(self, heard: str) -> Iterator[_Name]:
        """Names that have enough in common with the text; what is misheard spoils a few grams."""
        common: Counter[int] = Counter()
        for gram in _grams(heard) | _around(heard):
            common.update(self._filed.get(gram, ()))
        for number, count in common.items():
            name = self._names[number]
            spoilt = name.misheard * (3 if name.english else 2)
            if count >= max(1, len(name.grams) - spoilt):
                yield name

    def _proper(self, place: Place) -> str:
        return place.name(self.language)


def _names(places: Places, language: str) -> Iterator[_Name]:
    """Every name of every place in each of its languages; what is written alike only once.

    What only a register says is left out as well: 華富一邨 is also 華富邨.
    """
    named = [(place, name) for place in places.places for name in _written(place)]
    # OpenCC is asked once for all of them: a hundred thousand questions take seconds.
    plains = comparable("\n".join(name for _, name in named)).split("\n")
    once = {
        (id(place), plain): (place, plain, name)
        for (place, name), plain in zip(named, plains, strict=True)
    }
    for place, plain, name in once.values():
        heard = sound(name, language)
        yield _Name(plain, heard, place, _grams(heard))


def _written(place: Place) -> Iterator[str]:
    for name in dict.fromkeys(name for names in place.names.values() for name in names):
        short = _ADDED.sub("", name)
        yield from (one for one in dict.fromkeys((name, short)) if len(one) >= KEY)


def _grams(heard: str) -> frozenset[str]:
    """Pairs of syllables, and of letters three at a time."""
    pairs = (heard[at : at + 2] for at in range(len(heard) - 1))
    threes = (heard[at : at + 3] for at in range(len(heard) - 2))
    return frozenset(
        {pair for pair in pairs if not pair.isascii()}
        | {three for three in threes if three.isascii()}
    )


def _around(heard: str) -> frozenset[str]:
    """Syllables with one between them that may have been misheard."""
    threes = (heard[at : at + 3] for at in range(len(heard) - 2))
    return frozenset(f"{three[0]}?{three[2]}" for three in threes if not three.isascii())


_Fit = tuple[int, int, How, float]


def _fit(name: _Name, text: str, plain: str, heard: str) -> _Fit | None:
    """Where and how the name stands in the text, and what that is worth; None if it does not."""
    if (at := plain.find(name.plain)) >= 0:
        end = at + len(name.plain)
        return (
            (at, end, "exact", _worth(name, "exact"))
            if stands_alone(plain, text, at, end)
            else None
        )
    if name.english:
        return _nearly(name, plain, heard, _ENGLISH_ALIKE)
    if (at := heard.find(name.sound)) >= 0:
        right = _right(name, plain, at)
        if len(name.sound) < 3 or (len(name.sound) == 3 and not right):
            return None
        return at, at + len(name.sound), "sound", _worth(name, "sound") * _mixed(right)
    return _nearly(name, plain, heard, _ALIKE)


def _nearly(name: _Name, plain: str, heard: str, alike: float) -> _Fit | None:
    if not name.misheard or len(heard) < len(name.sound) - name.misheard:
        return None
    best = fuzz.partial_ratio_alignment(name.sound, heard, score_cutoff=alike)
    if best is None or best.src_end - best.src_start < len(name.sound) - name.misheard:
        return None
    right = _right(name, plain, best.dest_start)
    worth = _worth(name, "near") * best.score / 100 * _mixed(right)
    return best.dest_start, best.dest_end, "near", worth


def _right(name: _Name, plain: str, at: int) -> float:
    """The share of the name's characters that stand in the text as they should."""
    stretch = plain[at : at + len(name.plain)]
    return sum(a == b for a, b in zip(name.plain, stretch, strict=False)) / len(name.plain)


def _worth(name: _Name, how: How) -> float:
    return _WORTH[how] * (1.0 if name.english else _LENGTH.get(len(name.plain), 1.0))


def _mixed(right: float) -> float:
    return 0.85 + 0.15 * right


def _anchored(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Without the short names nearly found where no other place, found exactly, stands before them."""
    ends = {one.end for one in found if one.how == "exact"}
    for one in found:
        if one.how != "near" or one.end - one.start > 3 or one.start in ends:
            yield one


def _best_of_each_place(found: Iterable[Candidate]) -> list[Candidate]:
    best: dict[int, Candidate] = {}
    for one in found:
        if (other := best.get(id(one.place))) is None or _better(one, other):
            best[id(one.place)] = one
    return list(best.values())


def _better(one: Candidate, other: Candidate) -> bool:
    return (one.confidence, one.end - one.start) > (other.confidence, other.end - other.start)


def _without_nested(found: Sequence[Candidate]) -> list[Candidate]:
    """A name that is part of a longer one's stretch is not meant, unless the longer fits worse."""
    return [one for one in found if not any(_swallows(other, one) for other in found)]


def _swallows(longer: Candidate, one: Candidate) -> bool:
    holds = longer.start <= one.start and one.end <= longer.end
    is_longer = longer.end - longer.start > one.end - one.start
    return holds and is_longer and _ORDER[longer.how] <= _ORDER[one.how]


def _shared(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Rivals for one stretch share its confidence; the better one keeps much the most."""
    for one in found:
        rivals = [other for other in found if other.start < one.end and one.start < other.end]
        total = sum(rival.confidence**_SHARPNESS for rival in rivals)
        share = one.confidence**_SHARPNESS / total
        yield replace(one, confidence=one.confidence * share)


def _helped(found: Iterable[Candidate]) -> Iterator[Candidate]:
    """What lies in a district that was named as well, or elsewhere, gains or loses by it."""
    everyone = list(found)
    named = {one.place.district for one in everyone if one.wide and one.place.district}
    for one in everyone:
        if one.wide or not named or not one.place.district:
            yield one
        elif one.place.district in named:
            gained = one.confidence * (1 - one.confidence) * _GAINED
            yield replace(one, confidence=one.confidence + gained)
        else:
            yield replace(one, confidence=one.confidence * _ELSEWHERE)


def _rank(one: Candidate) -> tuple[float, int, int]:
    weight = _WIDE_COUNTS if one.wide else 1.0
    return -one.confidence * weight, one.start - one.end, one.start
