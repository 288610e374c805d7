"""`/admin/prompts`: what callers hear, in each language: its text, and its recording where there is one."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from callflows.checker import said_by
from callflows.flow import Callflow
from callflows.prompts import PLACEHOLDER, PromptBook
from cases.editions import PROMPTS, SOUNDS
from cases.errors import Refused
from cases.permissions import EDIT_CITY
from console import forms, papers, prompt_sound, proof
from console.door import needs, takes
from console.office import Office
from console.papers import Contents
from console.proof import Fault
from console.words import Words
from runtime.database import transaction

# Where storage has what was uploaded; the telephone fetches it from there.
KEY = "prompts/{digest}.wav"
MOST_TEXT = 1000


@dataclass(frozen=True)
class Line:
    """A prompt in one language. `sound`: the digest of its recording; `stale`: which says another text
    than the prompt now does, and so is not played; `spoken`: it tells what is only learnt in the call,
    and cannot be recorded."""

    key: str
    language: str
    text: str
    own: bool
    sound: str | None
    stale: bool
    spoken: bool

    @property
    def is_missing(self) -> bool:
        return not self.spoken and (self.sound is None or self.stale)


@dataclass(frozen=True)
class Book:
    """Every prompt as drafted. `said`: by which flows, by prompt key."""

    lines: Mapping[str, tuple[Line, ...]]
    said: Mapping[str, tuple[str, ...]]
    is_draft: bool

    def missing(self, language: str) -> int:
        """How many prompts that could have a recording, and are said by a flow, have none."""
        return sum(
            one.language == language and one.is_missing and key in self.said
            for key, lines in self.lines.items()
            for one in lines
        )

    def line(self, key: str, language: str) -> Line:
        """One prompt; ends with 404 when there is none."""
        found = [one for one in self.lines.get(key, ()) if one.language == language]
        return found[0] if found else abort(404)


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/prompts` and below."""

    @pages.get("/admin/prompts")
    @needs(EDIT_CITY)
    def prompts_page() -> ResponseReturnValue:
        book = _book(office)
        missing = {language: book.missing(language) for language in office.city.languages}
        return render_template("city_prompts.html", book=book, missing=missing)

    @pages.get("/admin/prompts/<language>/<key>")
    @needs(EDIT_CITY)
    def prompt_form(language: str, key: str) -> ResponseReturnValue:
        return _prompt(office, language, key)

    @pages.post("/admin/prompts/<language>/<key>")
    @needs(EDIT_CITY)
    def change_prompt(language: str, key: str) -> ResponseReturnValue:
        _book(office).line(key, language)
        text = " ".join(forms.plain(request.form.get("text", "")).split())[:MOST_TEXT]
        return _kept(
            office, language, key, PROMPTS[language], lambda c: _enter(c, language, key, text)
        )

    @pages.post("/admin/prompts/<language>/<key>/sound")
    @needs(EDIT_CITY)
    @takes(prompt_sound.LARGEST)
    def upload_sound(language: str, key: str) -> ResponseReturnValue:
        return _upload(office, language, key)

    @pages.post("/admin/prompts/<language>/<key>/no-sound")
    @needs(EDIT_CITY)
    def drop_sound(language: str, key: str) -> ResponseReturnValue:
        return _kept(office, language, key, SOUNDS, lambda c: _sounds(c, language).pop(key, None))

    @pages.get("/admin/prompts/sounds/<digest>.wav")
    @needs(EDIT_CITY)
    def prompt_sound_file(digest: str) -> ResponseReturnValue:
        if not re.fullmatch("[0-9a-f]{64}", digest):
            abort(404)
        try:
            content = office.storage.read(KEY.format(digest=digest))
        except FileNotFoundError:
            abort(404)
        return send_file(io.BytesIO(content), mimetype="audio/wav")


def _book(office: Office) -> Book:
    with transaction(office.engine) as records:
        texts = papers.draft_texts(records)
        own = {code: papers.working(records, PROMPTS[code]) for code in office.city.languages}
        sounds = papers.working(records, SOUNDS)
        records.expunge_all()
    flows = proof.read(papers.installed(), texts).flows or proof.read(papers.installed(), {}).flows
    given: dict[str, Mapping[str, str]] = {code: _own(paper.text) for code, paper in own.items()}
    recorded = _recorded(sounds)
    book = next(iter(flows.values())).prompts
    keys = sorted({key for of_language in book.texts.values() for key in of_language})
    lines = {
        key: tuple(_line(book, given, recorded, key, code) for code in book.languages)
        for key in keys
    }
    is_draft = sounds.is_draft or any(paper.is_draft for paper in own.values())
    return Book(lines, _said(flows), is_draft)


def _own(text: str) -> Mapping[str, str]:
    found = papers.loaded(text).get("prompts")
    return found if isinstance(found, dict) else {}


def _recorded(paper: papers.Paper) -> Mapping[str, Mapping[str, Any]]:
    found = papers.loaded(paper.text).get("sounds")
    return found if isinstance(found, dict) else {}


def _line(
    book: PromptBook,
    own: Mapping[str, Mapping[str, str]],
    recorded: Mapping[str, Mapping[str, Any]],
    key: str,
    language: str,
) -> Line:
    text = book.texts[language].get(key, "")
    names = {name for name, _ in PLACEHOLDER.findall(text)}
    sound = recorded.get(language, {}).get(key) or {}
    return Line(
        key=key,
        language=language,
        text=text,
        own=key in own[language],
        sound=sound.get("sound"),
        stale=bool(sound) and sound.get("says") != text,
        spoken=not names <= set(book.facts),
    )


def _said(flows: Mapping[str, Callflow]) -> dict[str, tuple[str, ...]]:
    of_flow = {name: said_by(one.flow) for name, one in flows.items()}
    keys = {key for said in of_flow.values() for key in said}
    return {key: tuple(name for name, said in of_flow.items() if key in said) for key in keys}


def _prompt(
    office: Office,
    language: str,
    key: str,
    *,
    text: str | None = None,
    faults: tuple[Fault, ...] = (),
    problem: str = "",
) -> str:
    book = _book(office)
    line = book.line(key, language)
    return render_template(
        "city_prompt.html",
        line=line,
        said=book.said.get(key, ()),
        is_draft=book.is_draft,
        text=line.text if text is None else text,
        faults=faults,
        problem=problem,
        most=prompt_sound.LARGEST // 2**20,
        seconds=int(prompt_sound.LONGEST),
    )


def _enter(contents: Contents, language: str, key: str, text: str) -> None:
    """The city's own text; what every city says needs no text of its own."""
    prompts = contents[PROMPTS[language]].setdefault("prompts", {})
    if text == papers.common_prompt(language, key):
        prompts.pop(key, None)
    else:
        prompts[key] = text


def _sounds(contents: Contents, language: str) -> dict[str, Any]:
    found: dict[str, Any] = contents[SOUNDS].setdefault("sounds", {}).setdefault(language, {})
    return found


def _upload(office: Office, language: str, key: str) -> ResponseReturnValue:
    line = _book(office).line(key, language)
    upload = request.files.get("sound")
    try:
        if line.spoken:
            raise Refused("cannot_be_recorded")
        sound = prompt_sound.telephone(upload.read() if upload else b"")
    except Refused as no:
        problem = Words(g.wording, office).refused(no)
        return _prompt(office, language, key, problem=problem), 422
    digest = hashlib.sha256(sound).hexdigest()
    office.storage.write(KEY.format(digest=digest), sound)
    entry = {"sound": digest, "says": line.text}
    return _kept(office, language, key, SOUNDS, lambda c: _sounds(c, language).update({key: entry}))


def _kept(office: Office, language: str, key: str, file: str, edit: Any) -> ResponseReturnValue:
    typed = request.form.get("text")
    try:
        faults = papers.change(office, (file,), edit)
    except Refused as no:
        problem = Words(g.wording, office).refused(no)
        return _prompt(office, language, key, text=typed, problem=problem), 422
    if faults:
        return _prompt(office, language, key, text=typed, faults=faults), 422
    flash("city.kept")
    return redirect(url_for("console.prompt_form", language=language, key=key), 303)
