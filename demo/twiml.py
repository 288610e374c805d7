"""Reads TwiML strictly: what the provider would only warn of is an error here.

Source of verbs, attributes and ranges: Twilio's TwiML reference. What `PORTABLE` leaves out is what
a Somleng server refuses: any such element ends the call there.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LONGEST_DOCUMENT = 64 * 1024
LONGEST_SPEECH = 4096
TYPES = ("text/xml", "application/xml", "text/html")

Check = Callable[[str], bool]


class TwimlError(Exception):
    """The provider cannot use this answer; `code` is Twilio's error number."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(f"{code}: {what}")
        self.code = code
        self.what = what


@dataclass(frozen=True)
class Verb:
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple["Verb", ...] = ()

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def number(self, name: str, default: int) -> int:
        return int(self.attributes.get(name, default))


@dataclass(frozen=True)
class Rule:
    """What a verb may carry: attributes with their checks, children, and whether it has text."""

    attributes: Mapping[str, Check] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    text: bool = False


def _number(low: int, high: int) -> Check:
    return lambda value: value.isdecimal() and low <= int(value) <= high


def _pattern(pattern: str) -> Check:
    return lambda value: re.fullmatch(pattern, value) is not None


def _one_of(*words: str) -> Check:
    return lambda value: value in words


def _some_of(*words: str) -> Check:
    return lambda value: bool(value.split()) and set(value.split()) <= set(words)


_ANY: Check = _pattern(r"(?s).*")
_URL: Check = _pattern(r"\S+")
_METHOD = _one_of("GET", "POST")
_BOOLEAN = _one_of("true", "false")
_LANGUAGE = _pattern(r"[a-z]{2,3}-[A-Z]{2}")

_RECORDING_CALLBACK: dict[str, Check] = {
    "recordingStatusCallback": _URL,
    "recordingStatusCallbackMethod": _METHOD,
    "recordingStatusCallbackEvent": _some_of("in-progress", "completed", "absent"),
}

PORTABLE: dict[str, Rule] = {
    "Response": Rule(
        children=("Say", "Play", "Gather", "Record", "Redirect", "Hangup", "Reject", "Dial")
    ),
    "Say": Rule(
        {"voice": _pattern(r"[\w.-]+"), "language": _LANGUAGE, "loop": _number(0, 1000)}, text=True
    ),
    "Play": Rule({"loop": _number(0, 1000), "digits": _pattern(r"[0-9*#w]+")}, text=True),
    "Gather": Rule(
        {
            "action": _URL,
            "method": _METHOD,
            "input": _some_of("dtmf", "speech"),
            "timeout": _number(1, 600),
            "finishOnKey": _pattern(r"[0-9*#]?"),
            "numDigits": _number(1, 1000),
            "actionOnEmptyResult": _BOOLEAN,
            "language": _LANGUAGE,
        },
        children=("Say", "Play"),
    ),
    "Record": Rule(
        {
            "action": _URL,
            "method": _METHOD,
            "timeout": _number(0, 600),
            "finishOnKey": _pattern(r"[0-9*#]*"),
            "maxLength": _number(2, 14400),
            "playBeep": _BOOLEAN,
            "trim": _one_of("trim-silence", "do-not-trim"),
            **_RECORDING_CALLBACK,
        }
    ),
    "Redirect": Rule({"method": _METHOD}, text=True),
    "Hangup": Rule(),
    "Reject": Rule({"reason": _one_of("rejected", "busy")}),
    "Dial": Rule(
        {
            "action": _URL,
            "method": _METHOD,
            "timeout": _number(1, 600),
            "callerId": _ANY,
            "hangupOnStar": _BOOLEAN,
            "timeLimit": _number(1, 86400),
            "answerOnBridge": _BOOLEAN,
            "ringTone": _pattern(r"[a-z]{2}"),
        },
        children=("Number", "Sip"),
        text=True,
    ),
    "Number": Rule(text=True),
    "Sip": Rule(text=True),
}

TWILIO: dict[str, Rule] = {
    **PORTABLE,
    "Response": Rule(children=(*PORTABLE["Response"].children, "Pause")),
    "Gather": Rule(PORTABLE["Gather"].attributes, children=("Say", "Play", "Pause")),
    "Pause": Rule({"length": _number(1, 600)}),
}


def read(body: bytes, content_type: str, rules: Mapping[str, Rule] = TWILIO) -> tuple[Verb, ...]:
    """The verbs of one answer, in order. Raises TwimlError as the provider would complain."""
    if content_type.partition(";")[0].strip().lower() not in TYPES:
        raise TwimlError(12300, f"content type {content_type!r} is not XML")
    if len(body) > LONGEST_DOCUMENT:
        raise TwimlError(11750, f"the answer has {len(body)} bytes, more than 64 kB")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as problem:
        raise TwimlError(12100, f"not well-formed: {problem}") from problem
    if root.tag != "Response":
        raise TwimlError(12101, f"the root element is <{root.tag}>, not <Response>")
    return _verb(root, rules).children


def _verb(element: ET.Element, rules: Mapping[str, Rule]) -> Verb:
    rule = rules[element.tag]
    _check_attributes(element, rule)
    text = _text(element, rule)
    for child in element:
        if child.tag not in rule.children:
            raise TwimlError(12200, f"<{child.tag}> is not allowed in <{element.tag}>")
    children = tuple(_verb(child, rules) for child in element)
    return Verb(element.tag, dict(element.attrib), text, children)


def _check_attributes(element: ET.Element, rule: Rule) -> None:
    for name, value in element.attrib.items():
        if name not in rule.attributes:
            raise TwimlError(12200, f"<{element.tag}> has no attribute {name!r}")
        if not rule.attributes[name](value):
            raise TwimlError(12200, f"<{element.tag} {name}> may not be {value!r}")


def _text(element: ET.Element, rule: Rule) -> str:
    parts = [element.text or "", *(child.tail or "" for child in element)]
    text = " ".join(" ".join(parts).split())
    if text and not rule.text:
        raise TwimlError(12200, f"stray text in <{element.tag}>: {text[:40]!r}")
    if element.tag == "Say" and not 0 < len(text) <= LONGEST_SPEECH:
        raise TwimlError(12200, f"<Say> has {len(text)} characters, not 1 to {LONGEST_SPEECH}")
    if element.tag in ("Play", "Redirect") and not text:
        raise TwimlError(12200, f"<{element.tag}> names no address")
    return text
