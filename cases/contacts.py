"""How departments, agents and callers are reached: a city's `contacts.yaml`, and what we know ourselves.

A notice's deliveries keep no address: it is looked up at every try, so that a mended file mends the
next try, and a citizen's number lies in one place only.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import phonenumbers
from phonenumbers import PhoneNumberType
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases import agents, deliveries, outgoing
from cases.agents import Agent
from cases.callers import CallerKey, mask
from cases.calls import Call
from cases.case import DESK, Case
from cases.deliveries import CHANNELS, SKIPPED, Channel, Delivery
from cases.errors import Refused
from cases.notices import CALLER, Notice
from cases.pack import STRICT, Code, Pack, PackError

FILE = "contacts.yaml"
Language = Literal["yue", "cmn", "en"]
SPOKEN: tuple[Language, ...] = get_args(Language)
# Who works in which language of the interface reads notices in which of ours.
READS: Mapping[str | None, Language] = {"zh-Hant-HK": "yue", "zh-Hans": "cmn", "en": "en"}
MOBILE = frozenset([PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE])
DAY = timedelta(days=1)


def _https(url: str) -> str:
    """Only encrypted, and to no place that a name in the address could hide."""
    found = re.fullmatch(r"(https?)://(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?(/[^\s#]*)?", url)
    if not found:
        raise ValueError("must look like https://system.example/hooks, without user and #")
    if found[1] == "http" and found[2] not in ("127.0.0.1", "[::1]", "localhost"):
        raise ValueError("must be https://; http:// goes to this machine only")
    return url


def check_url(url: str, *, loopback: bool) -> None:
    """Whether somebody at the console may have webhooks sent there. Stricter than the city's file, which
    who runs the machine writes: no address of a network of one's own; this machine only where `loopback`.

    Raises Refused: `bad_url`, `private_url`.
    """
    try:
        _https(url)
    except ValueError:
        raise Refused("bad_url") from None
    host = re.sub(r"^\w+://(\[[^]]+\]|[^/:]+).*$", r"\1", url).strip("[]")
    here = host == "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Names such as 127.1 or 2130706433 are addresses to some programs.
        number = re.fullmatch(r"[0-9.]+|0x[0-9a-fA-F]+", host) is not None
        private = number or here
    else:
        here = address.is_loopback
        private = not address.is_global
    if private and not (here and loopback):
        raise Refused("private_url")


def _email(text: str) -> str:
    if not agents.is_email(text):
        raise ValueError("must be an address such as duty@department.example")
    return text


Email = Annotated[str, AfterValidator(_email)]
Number = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]
Prefix = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,7}$")]


class Webhook(BaseModel):
    """A department's own system. `secret`: the name of the secret; the secret itself is a setting."""

    model_config = STRICT
    url: Annotated[str, AfterValidator(_https)]
    secret: Code


class Contact(BaseModel):
    """How one department is told. `language`: what it reads; the city's first if it says nothing."""

    model_config = STRICT
    email: Email | None = None
    sms: Number | None = None
    webhook: Webhook | None = None
    language: Language | None = None


class CallerTexts(BaseModel):
    """Text messages to callers. Defaults: no published figure, and on the careful side.

    sms: whether callers get any. prefixes: what a number must begin with; empty: the city's own
    country. per_number_per_day, per_day: how many at most in any 24 hours.
    """

    model_config = STRICT
    sms: bool = False
    prefixes: tuple[Prefix, ...] = ()
    per_number_per_day: int = Field(default=5, ge=1, le=50)
    per_day: int = Field(default=2000, ge=1, le=1_000_000)

    def refusal(self, number: str, country: str) -> str | None:
        """Why this number (E.164) gets no text: `foreign`, `no_number`, `not_mobile`; None if it may."""
        if not number.startswith(self.prefixes or (country,)):
            return "foreign"
        try:
            parsed = phonenumbers.parse(number)
        except phonenumbers.NumberParseException:
            return "no_number"
        if not phonenumbers.is_valid_number(parsed):
            return "no_number"
        return None if phonenumbers.number_type(parsed) in MOBILE else "not_mobile"


class Contacts(Pack):
    """A city's `contacts.yaml`."""

    departments: dict[Code, Contact] = {}  # noqa: RUF012
    caller: CallerTexts = CallerTexts()


def read(folder: Path, known: frozenset[str]) -> Contacts:
    """How the city in `folder` reaches whom; nobody where it has no file. Raises PackError.

    known: the codes of its departments.
    """
    file = folder / FILE
    if not file.exists():
        return Contacts(spec=1)
    found = Contacts.read(file)
    if unknown := sorted(found.departments.keys() - known - {DESK}):
        raise PackError(file, f"departments.{unknown[0]}: is not in departments.yaml")
    return found


@dataclass(frozen=True)
class Address:
    """Where one try goes. `shown`: the same as it may be kept and logged. `secret`: its name."""

    at: str
    language: Language
    shown: str
    secret: str = ""


@dataclass(frozen=True)
class Directory:
    """Whom this hotline can reach, and how. `ways`: the channels it has the means for. `texts_callers`:
    whether callers get text messages, all in all."""

    contacts: Contacts
    ways: frozenset[Channel]
    texts_callers: bool
    country: str
    language: Language
    caller_key: CallerKey

    def wants(self, channel: Channel) -> bool:
        """Whether the city's file names anybody to be reached so."""
        people = self.contacts.departments.values()
        texted = channel == "sms" and self.texts_callers
        return texted or any(getattr(one, channel) is not None for one in people)

    def secrets(self) -> frozenset[str]:
        """The names of the secrets that webhooks are to be signed with."""
        hooks = (one.webhook for one in self.contacts.departments.values())
        return frozenset(hook.secret for hook in hooks if hook is not None)

    def spread(self, session: Session, now: datetime, limit: int = 100) -> int:
        """Give notices that have none yet their deliveries. How many notices those were."""
        # Whoever else is spreading at this moment is not waited for.
        fresh = select(Notice).where(Notice.spread_at.is_(None)).order_by(Notice.id).limit(limit)
        found = session.scalars(fresh.with_for_update(skip_locked=True)).all()
        for notice in found:
            self._spread(session, notice, now)
            notice.spread_at = now
            session.flush()
            deliveries.forget_link(session, notice.id)
        return len(found)

    def _spread(self, session: Session, notice: Notice, now: datetime) -> None:
        if notice.to == CALLER:
            if self.texts_callers and "sms" in self.ways:
                refusal = self._refusal(session, notice, now)
                deliveries.add(session, notice.id, CALLER, "sms", now, refusal)
            return
        for to in self._parties(session, notice.to):
            for channel in CHANNELS:
                if channel in self.ways and (address := self._of(session, to, channel)):
                    gone = channel == "webhook" and deliveries.is_gone(session, to, address.at)
                    deliveries.add(session, notice.id, to, channel, now, "gone" if gone else None)

    def _parties(self, session: Session, to: str) -> list[str]:
        what, _, name = to.partition(":")
        if what != "role":
            return [to]
        has_it = select(Agent.id).where(Agent.role == name, Agent.active).order_by(Agent.id)
        return [agents.actor(one) for one in session.scalars(has_it)]

    def address(self, session: Session, claim: deliveries.Claim) -> Address | None:
        """Where this delivery goes now; None if there is no such address any more."""
        if claim.to == CALLER:
            return self._of_caller(session, claim.case_id, claim.facts)
        return self._of(session, claim.to, claim.channel)

    def _of(self, session: Session, to: str, channel: Channel) -> Address | None:
        what, _, name = to.partition(":")
        if what == "agent":
            return self._of_agent(session, int(name)) if channel == "email" else None
        contact = self.contacts.departments.get(name, Contact())
        language = contact.language or self.language
        if channel == "webhook":
            return _of_system(contact.webhook, language)
        at = contact.email if channel == "email" else contact.sms
        return Address(at, language, at) if at else None

    def _of_agent(self, session: Session, agent_id: int) -> Address | None:
        agent = session.get(Agent, agent_id)
        if agent is None or not agent.active or not agent.email:
            return None
        language = READS.get(agent.language, self.language)
        return Address(agent.email, language, agent.email)

    def _of_caller(
        self, session: Session, case_id: int | None, facts: Mapping[str, Any]
    ) -> Address | None:
        call = _call(session, case_id)
        if call is None or call.caller_sealed is None:
            return None
        number = self.caller_key.unseal(call.caller_sealed)
        case = session.get(Case, case_id)
        # The language of the call-back, of the case, or the one the caller chose.
        spoken = [facts.get("language"), case.language if case else None, call.language]
        known = (language for one in spoken for language in SPOKEN if language == one)
        return Address(number, next(known, self.language), mask(number))

    def _refusal(self, session: Session, notice: Notice, now: datetime) -> str | None:
        """Why this caller gets no text message; None if there is nothing against it."""
        call, texts = _call(session, notice.case_id), self.contacts.caller
        if call is None or call.caller_sealed is None or call.caller_digest is None:
            return "withheld"
        if why := outgoing.refused_by(session, call.caller_digest):
            return why
        try:
            number = self.caller_key.unseal(call.caller_sealed)
        except ValueError:
            return "sealed"
        if why := texts.refusal(number, self.country):
            return why
        if _texts_since(session, now - DAY, call.caller_digest) >= texts.per_number_per_day:
            return "number_cap"
        return "day_cap" if _texts_since(session, now - DAY) >= texts.per_day else None


def _call(session: Session, case_id: int | None) -> Call | None:
    """The call that opened this case."""
    of_case = select(Call).join(Case, Case.call_id == Call.id).where(Case.id == case_id)
    return session.scalars(of_case).one_or_none()


def _of_system(hook: Webhook | None, language: Language) -> Address | None:
    return Address(hook.url, language, hook.url, hook.secret) if hook else None


def _texts_since(session: Session, since: datetime, digest: str | None = None) -> int:
    """Text messages to callers, or to one of them, since that moment."""
    counted = select(func.count(Delivery.id)).where(
        Delivery.to == CALLER, Delivery.at > since, Delivery.status != SKIPPED
    )
    if digest is not None:
        counted = (
            counted.join(Notice, Notice.id == Delivery.notice_id)
            .join(Case, Case.id == Notice.case_id)
            .join(Call, Call.id == Case.call_id)
            .where(Call.caller_digest == digest)
        )
    return int(session.execute(counted).scalar_one())
