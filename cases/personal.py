"""Telephone and identity numbers in what was said, and the text with them masked.

In doubt a number is masked when something speaks for it (its check digit, or that the caller says
電話 or ID card before it), and else it stays: house numbers, amounts, dates, bus routes, case numbers
and 999 are what an agent needs. The original text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from cases import numerals
from cases.case import is_number as is_case_number
from cases.numerals import Digits, Run
from cases.spoken import by_speaker, joined
from cases.transcripts import Mask, MaskKind, Segment, Word

# A word's times are a little off.
MARGIN_SECONDS: Final = 0.08
# Between two parts of a number that are closer than this, the silence goes on.
GAP_SECONDS: Final = 1.0

_PHONE: Final = re.compile(
    r"[2-9]\d{7}"  # +852; in +86 a landline without its area code
    r"|(?:00)?852[2-9]\d{7}|(?:00)?853[268]\d{7}|(?:00)?886\d{8,9}"
    r"|(?:(?:00)?86)?1[3-9]\d{9}"  # +86, a mobile
    r"|(?:(?:00)?86|0)(?:(?:10|2\d)[2-9]\d{7}|[3-9]\d{2}[2-9]\d{6,7})"  # +86, a landline
)
_ABROAD: Final = re.compile(r"(?:\+|\bplus|加[号號]?)[\s(]*$", re.IGNORECASE)
_ABROAD_DIGITS: Final = range(7, 16)
# With a word for it before, any row of so many digits: one may have been misheard or left out.
_CUED_DIGITS: Final[dict[MaskKind, range]] = {"phone": range(6, 16), "identity": range(6, 20)}
_CUE_REACH: Final = 28
_CUE: Final = re.compile(
    r"(?P<identity>身[份分][證证](?:明)?(?:[編编]?[號号][碼码]?)?|[證证]件(?:[號号][碼码]?)?|[護护]照"
    r"|通行[證证]|回[鄉乡][證证]|\bID\b|\bHKID|identity|passport|travel document)"
    r"|(?P<phone>[電电][話话]|手[機机提]|[聯联][絡络系繫]|打[給给俾畀返]|致[電电]|[號号][碼码]"
    r"|phone|mobile|\bcall (?:me|back)|\bring me|whatsapp|\breach me)",
    re.IGNORECASE,
)
_SOMETHING_ELSE: Final = re.compile(
    r"(?:[個个]案|案件|[檔档]案|[參参]考|工[單单]|[訂订單单]+[號号]|[帳账賬][戶户號号]|[水電电][錶表]"
    r"|巴士|公交|路[線线]|(?<!in )case|reference|ref|ticket|account|route|bus(?:es)?)"
    r"(?:[編编]?[號号][碼码]?|[車车]| ?numbers?| ?no\.?)?\s*(?:is|are|係|是|[為为])?[\s:]*$",
    re.IGNORECASE,
)
_MONEY_BEFORE: Final = re.compile(r"(?:[$¥€£]|\b(?:HKD?|RMB|CNY|USD?))\s*$", re.IGNORECASE)
_MONEY_AFTER: Final = re.compile(
    r"\s*(?:元|蚊|[塊块](?!地)|港[元幣币]|人民[幣币]|dollars?|yuan)", re.IGNORECASE
)

_LETTERS: Final = re.compile(r"(?<![A-Za-z])([A-Za-z])[\s.,，]*(?:([A-Za-z])[\s.,，]*)?$")
_OPENING: Final = r"[\s,，]*(?:\(|开?括[號号弧]|開括[號弧]|brackets?)?[\s,，]*"
_LAST_X: Final = re.compile(rf"{_OPENING}(?:X|叉|ex)(?![A-Za-z])", re.IGNORECASE)
_LAST_A: Final = re.compile(rf"{_OPENING}A(?![A-Za-z])", re.IGNORECASE)
_OPENED: Final = re.compile(r"\(|括|bracket", re.IGNORECASE)
_CLOSED: Final = re.compile(r"\s*\)")


@dataclass(frozen=True)
class Personal:
    """A number that leads to a person, as characters `start` up to `end`; `digits` in figures."""

    kind: MaskKind
    digits: str
    start: int
    end: int


Form = Callable[[str, tuple[Digits, ...]], Personal | None]


def redact(
    segments: Sequence[Segment], belongs: Callable[[Segment], bool] = lambda segment: True
) -> tuple[str, tuple[Mask, ...]]:
    """What was said with `[phone]` and `[identity]` in place of such numbers, and the stretches of
    the recording in which they are said.

    The text is made of the segments that `belong`; the stretches are those of all segments. A
    number may be broken by hesitation and go on in the next line of the same speaker. Where words
    have no times their whole segment is a stretch. The segments themselves stay as they are.
    """
    texts = [segment.text for segment in segments]
    masks: list[Mask] = []
    for spoken in by_speaker(segments):
        found = list(personal(spoken.text))
        for line, text in zip(spoken.lines, _masked(spoken.text, found), strict=True):
            texts[line] = text
        for one in found:
            masks += [_mask(one.kind, word) for word in spoken.said(one.start, one.end)]
    told = [text for segment, text in zip(segments, texts, strict=True) if belongs(segment)]
    return joined(filter(None, told)), _merged(masks)


def personal(text: str) -> Iterator[Personal]:
    """The telephone and identity numbers in `text`, first first."""
    plain = numerals.one_way(text)
    for run in numerals.runs(plain):
        yield from _of_run(plain, run)


def masked(text: str) -> str:
    """Any text with `[phone]` and `[identity]` in place of such numbers."""
    return "\n".join(_masked(text, list(personal(text))))


def _masked(text: str, found: Sequence[Personal]) -> list[str]:
    """The lines of `text` with a token for each number, in the line in which it begins."""
    for one in reversed(found):
        rest = "\n" * text.count("\n", one.start, one.end)
        text = f"{text[: one.start]}[{one.kind}]{rest}{text[one.end :]}"
    return text.split("\n")


def _mask(kind: MaskKind, word: Word) -> Mask:
    return Mask(kind, max(0.0, word.start - MARGIN_SECONDS), word.end + MARGIN_SECONDS)


def _merged(masks: Iterable[Mask]) -> tuple[Mask, ...]:
    merged: list[Mask] = []
    for mask in sorted(masks, key=lambda mask: (mask.start, mask.end)):
        last = merged[-1] if merged else None
        if last and last.kind == mask.kind and mask.start - last.end <= GAP_SECONDS:
            merged[-1] = Mask(mask.kind, last.start, max(last.end, mask.end))
        else:
            merged.append(mask)
    return tuple(Mask(m.kind, round(m.start, 3), round(m.end, 3)) for m in merged)


def _of_run(plain: str, run: Run) -> Iterator[Personal]:
    """The personal numbers in one run of digits: by their own form, or by the words before it."""
    whole = run.whole
    cue = _cue(plain, whole.start)
    if _is_of_something_else(plain, whole):
        return
    forms = (_identity,) if cue == "identity" else (_identity, _phone)
    found = list(_by_form(plain, run.breaths, forms))
    if not found and cue and len(whole.digits) in _CUED_DIGITS[cue] and not _is_money(plain, whole):
        found = [_whole(cue, plain, whole)]
    yield from found


def _by_form(
    plain: str, breaths: tuple[Digits, ...], forms: tuple[Form, ...]
) -> Iterator[Personal]:
    """The longest part of the breaths that has a personal number's form, then what is left."""
    for first, end in _parts(len(breaths)):
        for form in forms:
            if one := form(plain, breaths[first:end]):
                yield from _by_form(plain, breaths[:first], forms)
                yield one
                yield from _by_form(plain, breaths[end:], forms)
                return


def _parts(count: int) -> Iterator[tuple[int, int]]:
    for length in range(count, 0, -1):
        for first in range(count - length + 1):
            yield first, first + length


def _cue(plain: str, start: int) -> MaskKind | None:
    """What the words shortly before say that the number is."""
    cues = list(_CUE.finditer(plain, max(0, start - _CUE_REACH), start))
    if not cues:
        return None
    return "identity" if cues[-1]["identity"] else "phone"


def _is_of_something_else(plain: str, whole: Digits) -> bool:
    """Is it the number of a case, an account, a bus?"""
    is_case = is_case_number(whole.digits) and not _PHONE.fullmatch(whole.digits)
    before = plain[max(0, whole.start - _CUE_REACH) : whole.start]
    return bool(_SOMETHING_ELSE.search(before)) or (is_case and len(whole.digits) not in (15, 18))


def _whole(kind: MaskKind, plain: str, whole: Digits) -> Personal:
    """All that is said after 'my number is', with the letters and brackets about it."""
    start, end = whole.start, whole.end
    if kind == "identity":
        if letters := _LETTERS.search(plain[:start]):
            start = letters.start()
        if last := _LAST_X.match(plain, end) or _LAST_A.match(plain, end):
            end = last.end()
    return Personal(kind, whole.digits, start, _closed(plain, start, end))


def _phone(plain: str, part: tuple[Digits, ...]) -> Personal | None:
    one = numerals.together(part)
    if (abroad := _ABROAD.search(plain[: one.start])) and len(one.digits) in _ABROAD_DIGITS:
        return Personal("phone", one.digits, abroad.start(), one.end)
    if not _PHONE.fullmatch(one.digits) or _is_money(plain, one) or _is_date(part):
        return None
    start = one.start - (plain[one.start - 1 : one.start] == "(")
    return Personal("phone", one.digits, start, _closed(plain, start, one.end))


def _is_money(plain: str, one: Digits) -> bool:
    before, after = plain[max(0, one.start - 5) : one.start], plain[one.end :]
    return bool(_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after))


def _is_date(part: tuple[Digits, ...]) -> bool:
    """2026-10-12, or the years 2019-2020?"""
    digits = [breath.digits for breath in part]
    if [len(one) for one in digits] == [4, 2, 2]:
        return _is_day(*map(int, digits))
    if [len(one) for one in digits] == [4, 4]:
        return 1900 <= int(digits[0]) < int(digits[1]) < 2100
    return False


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        return 1880 <= date(year, month, day).year <= 2099
    except ValueError:
        return False


def _identity(plain: str, part: tuple[Digits, ...]) -> Personal | None:
    one = numerals.together(part)
    if len(one.digits) in (6, 7):
        return _lettered(plain, one)
    last = _LAST_X.match(plain, one.end) if len(one.digits) == 17 else None
    number = one.digits + ("X" if last else "")
    if _is_mainland(number):
        return Personal("identity", number, one.start, last.end() if last else one.end)
    return None


def _lettered(plain: str, one: Digits) -> Personal | None:
    """A letter or two, six digits and one that checks them (or A), in brackets or not."""
    before = _LETTERS.search(plain[: one.start])
    last = _LAST_A.match(plain, one.end) if len(one.digits) == 6 else None
    if not before or (len(one.digits) == 6 and not last):
        return None
    end = last.end() if last else one.end
    digits = one.digits + ("A" if last else "")
    opened = _OPENED.search(plain, one.start, end)
    for letters, start in _readings(before):
        if opened or _is_checked(letters + digits):
            return Personal("identity", letters + digits, start, _closed(plain, start, end))
    return None


def _readings(before: re.Match[str]) -> Iterator[tuple[str, int]]:
    """In 'a Z 123456' the first letter may belong to the number or not."""
    first, second = before[1].upper(), (before[2] or "").upper()
    yield first + second, before.start(1)
    if second:
        yield second, before.start(2)


def _is_checked(number: str) -> bool:
    """Weights 9 to 1 on letters (A is 10, a missing one 36) and digits, modulo 11."""
    values = [36] * (9 - len(number)) + [int(char, 36) for char in number]
    return (
        sum(value * weight for value, weight in zip(values, range(9, 0, -1), strict=True)) % 11 == 0
    )


def _is_mainland(number: str) -> bool:
    """18 characters with the check of ISO 7064 MOD 11-2, or a province and a day of birth in it; 15
    of the old kind by the latter. One digit that was misheard does not uncover the others."""
    if len(number) == 15:
        return _is_born("19" + number[6:12], number)
    return len(number) == 18 and (_is_checked_mainland(number) or _is_born(number[6:14], number))


def _is_checked_mainland(number: str) -> bool:
    total = sum(int(char) * pow(2, 17 - i, 11) for i, char in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


def _is_born(day: str, number: str) -> bool:
    return "1" <= number[0] <= "8" and _is_day(int(day[:4]), int(day[4:6]), int(day[6:]))


def _closed(plain: str, start: int, end: int) -> int:
    """The end with a bracket that was opened within."""
    closing = _CLOSED.match(plain, end) if "(" in plain[start:end] else None
    return closing.end() if closing else end
