"""Codes, moments and numbers in words a person reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from cases import corrections, hazards, history, personal, slots, suggestions, timing, urgency
from cases.abuse import Mark
from cases.accesses import CITIZEN, Access, Forward
from cases.admin_history import AdminEntry
from cases.agents import Agent
from cases.audit import Line as AuditLine
from cases.case import DESK, Case
from cases.clocks import Clock
from cases.errors import Refused
from cases.history import Entry
from cases.lifecycle import DISTRICT
from cases.pack import LANGUAGES
from cases.permissions import OFFICER
from cases.signins import Here
from cases.suggestions import Suggested
from cases.tasks import Task
from cases.timing import Unit
from cases.transcripts import Transcript
from cases.whistles import Called
from cases.wording import mask_numbers
from console.languages import DATA_LANGUAGE, WRITTEN, Wording, speech_tag
from console.office import Office
from console.who import Who

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
# What is rarer is not told apart: no model of chance holds so far out.
RARE = 1e-6
# Where a line of the history names departments, one or several.
ASKED = ("lead", "supporting", "department", "departments", "owner", "absent")
# Where it tells a share of one, a moment or a day, or a code that has words (detail -> kind of words).
SHARES = ("confidence", "enough")
MOMENTS = ("until", "due_at", "review_on", "next_on", "was_on")
CODES = {
    "outcome": "outcome",
    "satisfied": "satisfied",
    "kind": "clock",
    "mark": "mark",
    "why": "mark_reason",
}


@dataclass(frozen=True)
class Chip:
    """A case's deadline: how it stands (`late`, `soon`, `fine`, `over`) and in words."""

    state: str
    text: str


@dataclass(frozen=True)
class Spoken:
    """A line of what was said: when it begins, why it is doubted, whether it is part of the text."""

    start: float
    flags: tuple[str, ...]
    counts: bool
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Words:
    """Everything pages say about cases, to one reader in one city."""

    say: Wording
    office: Office

    def moment(self, at: datetime) -> str:
        """Date and time of day in the city."""
        return f"{at.astimezone(self.office.city.time_zone):%Y-%m-%d %H:%M}"

    def period(self, since: datetime, until: datetime) -> str:
        """From when to when in the city; the day of the end only where it is another."""
        zone, began = self.office.city.time_zone, self.moment(since)
        same = since.astimezone(zone).date() == until.astimezone(zone).date()
        return (
            f"{began} – {until.astimezone(zone):%H:%M}"
            if same
            else f"{began} – {self.moment(until)}"
        )

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

    def in_own(self, texts: Mapping[str, str]) -> tuple[str, str]:
        """The text a reader understands best, of those there are, and its HTML `lang`."""
        order = (DATA_LANGUAGE[self.say.language], *LANGUAGES)
        code = next(one for one in order if one in texts)
        return texts[code], WRITTEN[code]

    def in_others(self, texts: Mapping[str, str]) -> list[str]:
        """The codes of the other languages there are, in their order."""
        own = self.in_own(texts)[1]
        return [code for code in LANGUAGES if code in texts and WRITTEN[code] != own]

    def written(self, code: str) -> str:
        """The HTML `lang` of a text that is kept in this language."""
        return WRITTEN[code]

    def role(self, code: str) -> str:
        return self.say(f"role.{code}") if self.say.has(f"role.{code}") else code

    def standing(self, of: Here | Agent) -> str:
        """What somebody is here: the role; an officer of a district department is a district office."""
        district = of.role == OFFICER and self.office.is_district(of.department)
        return self.role(DISTRICT if district else of.role)

    def managed(self, line: AdminEntry | AuditLine) -> str:
        """One line of the admin history."""
        key = f"managed.{line.action}"
        if not self.say.has(key):
            return line.action
        told = {name: "" if value is None else value for name, value in line.detail.items()}
        for name in ("role", "was_role"):
            if name in told:
                told[name] = self.role(str(told[name]))
        for name in ("department", "was_department"):
            if told.get(name):
                told[name] = self.department(str(told[name]))
        if "family" in told:
            told["family"] = self.hazard(str(told["family"]))
        if "hazard" in told:
            told["problem"] = self.problem(line.detail)
        return self.say.told(key, told)

    def problem(self, problem: Mapping[str, Any]) -> str:
        """A problem of the monthly topic in one line: what, which hazard, where."""
        hazard = self.hazard(problem["hazard"]) if problem["hazard"] else ""
        parts = (self.category(problem["category"]), hazard, problem["district"])
        return " · ".join(part for part in parts if part)

    def event_masked(self, line: AuditLine) -> str:
        """The same as `event` for a list: without anything like a telephone or identity number."""
        return mask_numbers(self.event(line))

    def saw(self, line: Access | Forward) -> str:
        """To the citizen: who it was, by role and department and not by name, and what they did."""
        if isinstance(line, Forward):
            return self.say(f"track.saw.{line.how}", who=self.department(line.department))
        return self.say(f"track.saw.{line.kind}", who=self._somebody(line))

    def why_saw(self, line: Access | Forward) -> str:
        """The reason that was given, without anything like a telephone number; empty for none."""
        return "" if isinstance(line, Forward) else mask_numbers(str(line.detail.get("reason", "")))

    def _somebody(self, line: Access) -> str:
        if line.role == CITIZEN.role:
            return self.role(line.role)
        if line.department is None:
            return self.say("track.somebody", role=self.role(line.role))
        district = line.role == OFFICER and self.office.is_district(line.department)
        role = self.role(DISTRICT if district else line.role)
        return self.say("track.somebody_of", department=self.department(line.department), role=role)

    def permission(self, code: str) -> str:
        """What a permission allows: an act with a case by the act's own name."""
        for key in (f"permission.{code}", f"deed.{code}"):
            if self.say.has(key):
                return self.say(key)
        return code

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
        """A department's name; the hotline's own desk for whom nobody has yet."""
        if code == DESK:
            return self.say.name(self.office.city.desk)
        known = self.office.departments.get(code)
        return self.say.name(known.name) if known else code

    def departments(self, *, retired: bool = False) -> list[tuple[str, str]]:
        """The departments that a case can go to, by code and name, in the city's order. `retired`: and
        those to which none goes any more."""
        known = self.office.departments.items()
        return [(code, self.department(code)) for code, one in known if retired or not one.retired]

    def several(self, codes: str | Iterable[str] | None) -> str:
        """The names of several departments in one line."""
        codes = codes.split() if isinstance(codes, str) else codes or []
        return self.say("list.comma").join(map(self.department, codes)) or "–"

    def categories(self, *, retired: bool = False) -> list[tuple[str, str]]:
        """What a case can be about, by code and name, in the city's order. `retired`: and what none is
        about any more."""
        known = self.office.categories.items()
        return [(code, self.category(code)) for code, one in known if retired or not one.retired]

    def named(self, kind: str, codes: Iterable[str]) -> list[tuple[str, str]]:
        """Codes of one kind (`status`, `flag`, `language`), each with its words."""
        return [(code, self.say(f"{kind}.{code}")) for code in codes]

    def lines(self, reading: Transcript) -> list[Spoken]:
        """The lines of a text, each in the pieces that are clicked to hear them."""
        return [
            Spoken(one.segment.start, one.segment.flags, one.counts, timing.units(one.segment))
            for one in corrections.lines(reading)
        ]

    def slot(self, slot: Mapping[str, Any]) -> str:
        """What a slot is: a place, a time, a number to call back."""
        return self.say("slot.telephone" if slots.is_telephone(slot) else f"slot.{slot['kind']}")

    def is_doubtful(self, slot: Mapping[str, Any]) -> bool:
        return slots.is_doubtful(slot)

    def masked(self, text: str) -> str:
        """The text without telephone and identity numbers."""
        return personal.masked(text)

    def text_to_edit(self, reading: Transcript | None) -> str:
        """The text as a person edits it, a line each."""
        return corrections.text_to_edit(reading)

    def model(self, name: str) -> str:
        """A speech model's name, or its file's."""
        return PurePath(name).name

    def clock_name(self, clock: Clock) -> str:
        """Which clock it is, and whose."""
        name = self.say(f"clock.{clock.kind}")
        return f"{name} · {self.department(clock.department)}" if clock.department else name

    def clock_chip(self, clock: Clock, now: datetime) -> Chip:
        """Which clock it is, and how long it still has or is late."""
        name, left = self.say(f"clock.{clock.kind}"), clock.due_at - now
        if left < timedelta(0):
            return Chip("late", self.say("clock.late", clock=name, time=self.span(-left)))
        state = "soon" if now >= clock.warn_at else "fine"
        return Chip(state, self.say("clock.left", clock=name, time=self.span(left)))

    def span(self, time: timedelta) -> str:
        """A stretch of time in its largest unit, cut and not rounded up: nobody has longer than that."""
        for unit, length in (("days", DAY), ("hours", HOUR)):
            if time >= 2 * length:
                return self.say(f"span.{unit}", number=time // length)
        return self.say("span.minutes", number=time // timedelta(minutes=1))

    def task_chip(self, task: Task, now: datetime) -> Chip:
        """Whether a task is done, and was in time, or how long there is."""
        if task.done_at is not None:
            return (
                Chip("late", self.say("task.late"))
                if task.late
                else Chip("fine", self.say("task.met"))
            )
        if task.due_at is None:
            return Chip("fine", self.say("task.open"))
        left = task.due_at - now
        if left < timedelta(0):
            return Chip("late", self.say("task.overdue", time=self.span(-left)))
        return Chip("soon" if left < DAY else "fine", self.say("task.left", time=self.span(left)))

    def arrival(self, called: Called) -> Chip:
        """Whether a department has reported in."""
        if called.arrived_at is not None:
            name = "late" if called.late else "in_time"
            at = self.moment(called.arrived_at)
            return Chip("late" if called.late else "fine", self.say(f"arrival.{name}", at=at))
        missed = called.missed_at is not None
        return (
            Chip("late", self.say("arrival.missed"))
            if missed
            else Chip("soon", self.say("arrival.awaited"))
        )

    def mark(self, mark: Mark) -> str:
        """A mark of abuse in one line: what it is, why, and of which day."""
        kind, reason = self.say(f"mark.{mark.kind}"), self.say(f"mark_reason.{mark.reason}")
        return f"{kind} · {reason} · {self.moment(mark.marked_at)}"

    def hazard(self, family: str) -> str:
        """What hazards are counted as; a family nobody knows any more stands for itself."""
        known = hazards.kinds().get(family)
        return self.say.name(known.name) if known else family

    def hazard_families(self) -> list[tuple[str, str]]:
        """What hazards are counted as, by code and name."""
        families = dict.fromkeys(kind.family for kind in hazards.kinds().values())
        return [(family, self.hazard(family)) for family in families]

    def danger(self, kind: str) -> str:
        """A kind of danger to life; one nobody knows any more stands for itself."""
        known = urgency.rules().dangers.get(kind)
        return self.say.name(known.name) if known else kind

    def alert(self, subject: Mapping[str, Any]) -> str:
        """What an alert is about, in one line."""
        if "place" in subject:
            hazard = self.hazard(subject["family"])
            return self.say("hazards.at", hazard=hazard, place=subject["place"])
        district = subject.get("district") or self.say("hazards.anywhere")
        of = subject.get("hazard")
        category = self.hazard(of) if of else self.category(subject.get("category"))
        return self.say("hazards.in", category=category, district=district)

    def figure(self, number: float) -> str:
        """A number that was reckoned, with two figures that count."""
        return f"{number:.2g}" if number < 10 else f"{number:.0f}"

    def chance(self, probability: float) -> str:
        """A probability as a share; where it is small, one in about so many, for no method knows it better."""
        if probability >= 0.01:
            return self.percent(probability)
        if probability < RARE:
            return f"< 1 : {round(1 / RARE):,}"
        return f"1 : {float(f'{1 / probability:.1g}'):,.0f}"

    def why(self, why: Mapping[str, str]) -> str:
        """Why a department was asked, in the words kept on that day."""
        return self.say.name(why) if why else ""

    def suggested(self, one: Suggested) -> str:
        """Why this category or department is offered."""
        if one.reason == suggestions.RULE:
            return self.why(one.rule)
        if one.reason == suggestions.HEARD and not one.words:
            return self.say("why.guessed")
        heard = self.say("list.comma").join(one.words)
        return self.say.told(
            f"why.{one.reason}", {"words": heard, "category": self.category(one.category)}
        )

    def return_reasons(self) -> list[tuple[str, str]]:
        return [(code, self.return_reason(code)) for code in self.office.policy.reasons]

    def return_reason(self, code: str | None) -> str:
        known = self.office.policy.reasons.get(code or "")
        return self.say.name(known.name) if known else code or "–"

    def missing(self, action: str) -> str:
        """What a form that came back is asked to be filled in with."""
        key = f"case.missing.{action}"
        return self.say(key) if self.say.has(key) else self.say("refused.incomplete")

    def refused(self, no: Refused) -> str:
        """Why a rule said no."""
        key = f"refused.{no.code}"
        if not self.say.has(key):
            return self.say("refused.other")
        return self.say.told(key, self._detail(dict(no.details)))

    def event(self, entry: Entry | AuditLine) -> str:
        """One line of a case's history."""
        key = f"history.{entry.action}"
        if not self.say.has(key):
            return self.say("history.other", action=entry.action)
        if (
            entry.action == "confirm"
            and entry.detail.get("was_category") == entry.detail["category"]
        ):
            key = "history.confirm_same"
        if entry.detail.get("channel") == "browser":
            key = "history.opened_from_browser"
        if entry.action == "arrive" and entry.detail.get("by_link"):
            key = "history.arrive_by_link"
        return self.say.told(key, self._detail(entry.detail))

    def actor(self, actor: str | None, names: Mapping[str, Who]) -> str:
        """Who did it: an agent's name, with an officer's department; a department; or the system."""
        if actor in (None, "", history.SYSTEM):
            return self.say("history.by_system")
        kind, _, code = str(actor).partition(":")
        if kind == "department":
            return self.department(code)
        who = names.get(str(actor))
        if who is None:
            return self.role(str(actor))
        return f"{who.name} ({self.department(who.department)})" if who.department else who.name

    def party(self, to: str, names: Mapping[str, Who]) -> str:
        """To whom a notice goes: a department, an agent, everybody of a role, or the caller."""
        kind, _, code = to.partition(":")
        if kind == "role":
            return self.role(code)
        return self.actor(to, names) if code else self.say("notices.caller")

    def day_or_moment(self, text: str) -> str:
        """A day stays as it is; a moment in ISO 8601 is told by the city's clock."""
        if "T" not in text:
            return text
        return self.moment(datetime.fromisoformat(text))

    def _detail(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        told = {name: "–" if value in (None, "") else value for name, value in detail.items()}
        for name in ("category", "was_category"):
            if name in detail:
                told[name] = self.category(detail[name])
        told.update({name: self.several(detail[name]) for name in ASKED if name in detail})
        if entry_reason := self.office.policy.reasons.get(str(detail.get("reason"))):
            told["reason"] = self.say.name(entry_reason.name)
        told.update(
            {name: self.day_or_moment(str(detail[name])) for name in MOMENTS if detail.get(name)}
        )
        told.update({name: self.percent(detail[name]) for name in SHARES if detail.get(name)})
        for name, kind in CODES.items():
            if self.say.has(f"{kind}.{detail.get(name)}"):
                told[name] = self.say(f"{kind}.{detail[name]}")
        return told
