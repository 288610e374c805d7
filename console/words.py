"""Codes, moments and numbers in words a person reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

from cases import agents, history
from cases.case import Case
from cases.history import Entry
from cases.lifecycle import CLOSED
from console.languages import Wording, speech_tag
from console.office import Office

SOON_DAYS = 3
# Where a line of the history names departments, one or several.
ASKED = ("lead", "supporting", "department", "departments")


@dataclass(frozen=True)
class Chip:
    """A case's deadline: how it stands (`late`, `soon`, `fine`, `over`) and in words."""

    state: str
    text: str


@dataclass(frozen=True)
class Words:
    """Everything pages say about cases, to one reader in one city."""

    say: Wording
    office: Office

    def moment(self, at: datetime) -> str:
        """Date and time of day in the city."""
        return f"{at.astimezone(self.office.city.time_zone):%Y-%m-%d %H:%M}"

    def moment_exact(self, at: datetime) -> str:
        return f"{at.astimezone(self.office.city.time_zone):%Y-%m-%d %H:%M:%S}"

    def clock(self, seconds: float) -> str:
        """A place in a recording: 1:05."""
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

    def percent(self, share: float) -> str:
        return f"{round(share * 100)}%"

    def speech(self, language: str | None) -> str | None:
        """The HTML `lang` of what was said."""
        return speech_tag(language, self.office.city)

    def role(self, code: str) -> str:
        return self.say(f"role.{code}") if self.say.has(f"role.{code}") else code

    def language(self, code: str | None) -> str:
        return self.say(f"language.{code}") if code else self.say("language.unknown")

    def category(self, code: str | None) -> str:
        """The category's name; a code the city no longer has stands for itself."""
        if code is None:
            return self.say("category.none")
        known = self.office.categories.get(code)
        return self.say.name(known.name) if known else code

    def owner(self, case: Case) -> str:
        return self.say.name(self.office.owner(case.owner))

    def department(self, code: str) -> str:
        known = self.office.departments.get(code)
        return self.say.name(known.name) if known else code

    def categories(self) -> list[tuple[str, str]]:
        """Every category's code and name, in the city's order."""
        return [(code, self.category(code)) for code in self.office.categories]

    def named(self, kind: str, codes: Iterable[str]) -> list[tuple[str, str]]:
        """Codes of one kind (`status`, `flag`, `language`), each with its words."""
        return [(code, self.say(f"{kind}.{code}")) for code in codes]

    def model(self, name: str) -> str:
        """A speech model's name, or its file's."""
        return PurePath(name).name

    def deadline(self, case: Case, now: datetime) -> Chip:
        """How far the due date is, in the city's days."""
        if case.status == CLOSED:
            return Chip("over", self.say("deadline.over"))
        zone = self.office.city.time_zone
        days = (case.due_at.astimezone(zone).date() - now.astimezone(zone).date()).days
        if now > case.due_at:
            return Chip("late", self.say("deadline.late", days=-days))
        if days == 0:
            return Chip("soon", self.say("deadline.today"))
        return Chip("soon" if days <= SOON_DAYS else "fine", self.say("deadline.left", days=days))

    def event(self, entry: Entry) -> str:
        """One line of a case's history."""
        key = f"history.{entry.action}"
        if not self.say.has(key):
            return self.say("history.other", action=entry.action)
        if (
            entry.action == "confirm"
            and entry.detail.get("was_category") == entry.detail["category"]
        ):
            key = "history.confirm_same"
        return self.say(key, **self._detail(entry.detail))

    def actor(self, entry: Entry, names: Mapping[int, str]) -> str:
        """Who did it: an agent's name, or the system."""
        if entry.actor == history.SYSTEM:
            return self.say("history.by_system")
        return names.get(agents.id_of(entry.actor) or 0, entry.actor)

    def _detail(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        names = {
            name: self.category(detail[name])
            for name in ("category", "was_category")
            if name in detail
        }
        asked = {name: self._departments(detail[name]) for name in ASKED if name in detail}
        return {"was_category": "", **detail, **names, **asked}

    def _departments(self, codes: str | list[str] | None) -> str:
        several = codes.split() if isinstance(codes, str) else codes or []
        return "、".join(map(self.department, several)) or "–"
