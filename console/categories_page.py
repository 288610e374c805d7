"""`/admin/categories`: what a case can be about, who gets it, and the words that give it away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from cases.categories import OTHER
from cases.editions import CATEGORIES, CLOCKS, DEPARTMENTS
from cases.permissions import EDIT_CITY
from console import entries, forms
from console.door import needs, takes
from console.entries import LANGUAGES, Entry, Kind
from console.forms import Field, Form, Given
from console.languages import DATA_LANGUAGE
from console.office import Office
from console.papers import Contents

LARGEST = 512 * 1024
MOST_WORDS = 20_000
"""Characters of the words of one language."""


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/categories` and below."""

    @pages.get("/admin/categories")
    @needs(EDIT_CITY)
    def categories_page() -> ResponseReturnValue:
        return entries.page(office, KIND, "city_categories.html", grade_of=grade_of, say=said)

    @pages.get("/admin/categories/<code>")
    @needs(EDIT_CITY)
    def category_form(code: str) -> ResponseReturnValue:
        return entries.form_page(office, KIND, code)

    @pages.post("/admin/categories/<code>")
    @needs(EDIT_CITY)
    @takes(LARGEST)
    def change_category(code: str) -> ResponseReturnValue:
        return entries.save(office, KIND, code)


def said(names: Mapping[str, str] | None) -> str:
    """A name of a draft, which may lack some language, in the reader's."""
    return str((names or {}).get(DATA_LANGUAGE[g.wording.language], ""))


def grade_of(contents: Contents, code: str) -> str:
    """The grade a category has by a draft of `clocks.yaml`; empty where it is the default."""
    grades = contents[CLOCKS].get("grades") or {}
    return next((name for name, one in grades.items() if code in (one.get("categories") or ())), "")


def _form(office: Office, contents: Contents, code: str | None) -> Form:
    entry = contents[CATEGORIES]["categories"].get(code) or {}
    departments = contents[DEPARTMENTS].get("departments") or {}
    grades = contents[CLOCKS].get("grades") or {}
    here = entry.get("department", "")
    fields = [
        *entries.code_field(code),
        *entries.names(entry),
        forms.choice(
            "department",
            [
                (one, said(d["name"]))
                for one, d in departments.items()
                if not d.get("retired") or one == here
            ],
            value=here,
        ),
        forms.choice(
            "grade",
            [(one, said(grade["name"])) for one, grade in grades.items()],
            needed=False,
            value=grade_of(contents, code or ""),
        ),
        Field("urgent", "tick", needed=False, value=entry.get("urgent") or ""),
        *(
            Field(
                f"words_{one}",
                needed=False,
                value=told((entry.get("words") or {}).get(one)),
                most=MOST_WORDS,
            )
            for one in LANGUAGES
        ),
    ]
    if code not in (None, OTHER):
        fields.append(Field("retired", "tick", needed=False, value=entry.get("retired") or ""))
    return Form("", tuple(fields))


def told(words: Any) -> str:
    """Seed words as one types them: `street lamp=3, lamp`."""
    items: list[tuple[Any, Any]] = []
    for word in words if isinstance(words, list) else []:
        items += word.items() if isinstance(word, dict) else [(word, 1)]
    return ", ".join(f"{word}={weight:g}" if weight != 1 else str(word) for word, weight in items)


def typed(text: str) -> list[Any]:
    """The same back; a word that is given twice counts as it was given last."""
    words: dict[str, float] = {}
    for part in re.split(r"[,，、;；\n]", text):
        word, _, weight = part.strip().partition("=")
        if word.strip():
            words[word.strip()] = _weight(weight)
    return [word if weight == 1 else {word: weight} for word, weight in words.items()]


def _weight(text: str) -> float:
    try:
        weight = float(text) if text.strip() else 1.0
    except ValueError:
        return 1
    return int(weight) if weight == int(weight) else weight


def _words(text: str, before: Any) -> list[Any]:
    """What was typed; the list as it was written where that says the same."""
    words = typed(text)
    return before if before and typed(told(before)) == words else words


def _enter(entry: Entry, given: Given) -> None:
    before = entry.get("words") or {}
    words = {one: _words(given[f"words_{one}"], before.get(one)) for one in LANGUAGES}
    entries.put(
        entry,
        name=entries.named(given),
        department=given["department"],
        urgent=bool(given["urgent"]),
        retired=bool(given.get("retired")),
    )
    entry["words"] = words


def _enter_grade(contents: Contents, code: str, given: Given | None) -> None:
    """A category stands in one grade at most; in none it has the default."""
    wanted = given["grade"] if given else ""
    if given is not None and wanted == grade_of(contents, code):
        return
    for name, grade in (contents[CLOCKS].get("grades") or {}).items():
        kept = [one for one in grade.get("categories") or () if one != code]
        if name == wanted:
            kept.append(code)
        if kept or grade.get("categories"):
            grade["categories"] = kept


KIND = Kind(
    file=CATEGORIES,
    key="categories",
    page="categories_page",
    form_page="category_form",
    form=_form,
    enter=_enter,
    besides=(CLOCKS, DEPARTMENTS),
    enter_besides=_enter_grade,
)
