"""What the telephone edge works with: made once when the process starts, handed to every turn."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from callflows import reader
from callflows.flow import Callflow
from cases import categories, contacts, departments, editions, followup_policy
from cases.callers import CallerKey
from cases.clocks import Terms
from cases.contacts import Contacts
from cases.followup_policy import FollowupPolicy
from ivr import sounds
from ivr.providers.profile import PROFILES, Profile
from runtime import database, keys
from runtime.breaker import Breaker, Unavailable, first_line
from runtime.city import City
from runtime.queues import Doorbell
from runtime.settings import Settings
from runtime.shelf import INSTALLED, Shelf, Standing
from runtime.spool import Spool
from runtime.storage import Storage

log = logging.getLogger(__name__)

# Callflows of other editions that are kept ready: those that calls in progress began with.
KEPT_READY = 16


@dataclass(frozen=True)
class Phone:
    """The telephone of one city at one provider."""

    settings: Settings
    profile: Profile
    city: City
    callflow: Callflow
    departments: dict[str, departments.Department]
    categories: dict[str, categories.Category]
    engine: Engine
    ledger: Breaker
    doorbell: Doorbell
    spool: Spool
    caller_key: CallerKey
    terms: Terms
    # How citizens are rung back, and what they hear then.
    policy: FollowupPolicy
    followup: Callflow
    # Whether callers get text messages.
    texts_callers: bool = False
    # Where the flow's turns come back to, and what its addresses carry besides the position.
    turns: str = "/voice/turn"
    carried: str = ""

    def ringing_back(self, token: str) -> "Phone":
        """The same telephone, in a call of ours: another flow, and the call's token in addresses."""
        carried = f"{self.carried}&try={token}"
        return replace(self, callflow=self.followup, turns="/voice/followup/turn", carried=carried)

    def owner(self, code: str) -> Mapping[str, str]:
        """Whose a case is, in each language: a department's name, or the desk's."""
        department = self.departments.get(code)
        return dict(department.name if department else self.city.desk)

    def speaking(self, flows: "Flows") -> "Phone":
        """The same telephone with the flows of another edition, which its addresses name."""
        carried = f"&edition={flows.edition}" if flows.edition != INSTALLED else ""
        return replace(self, callflow=flows.hotline, followup=flows.followup, carried=carried)

    def renewed(self, edition: str, folder: Path) -> "Phone":
        """The same telephone, with the city as an edition has it. Raises CityError, PackError or
        FlowError."""
        city = City.read(folder)
        renewed = replace(
            self,
            city=city,
            policy=followup_policy.read(folder),
            departments=_departments(folder),
            categories=_categories(folder),
            terms=Terms.of_city(city),
            texts_callers=self.settings.texts_callers(_contacts(city).caller.sms),
        )
        return renewed.speaking(Flows.read(edition, city))


@dataclass(frozen=True)
class Flows:
    """What is heard in the calls of one edition."""

    edition: str
    hotline: Callflow
    followup: Callflow

    @classmethod
    def read(cls, edition: str, city: City) -> "Flows":
        """The flows in a city's folder. Raises FlowError."""

        def load(flow: str) -> Callflow:
            return reader.load(city.folder, languages=city.languages, facts=city.facts(), flow=flow)

        return cls(edition, load("hotline"), load("followup"))


class Phones:
    """The telephone of the edition in force, and of the one that a call began with."""

    def __init__(self, first: Phone, shelf: Shelf) -> None:
        self._storage = Storage(first.settings.recordings_url)
        self.standing = Standing(shelf, first.renewed)
        self.bring_sounds()
        self._ledger = first.ledger
        self._flows = lru_cache(KEPT_READY)(self._read)

    @property
    def now(self) -> Phone:
        return self.standing.now

    def look(self) -> None:
        """Take up another edition if there is one, and bring what recordings this machine lacks."""
        self.standing.look()
        self.bring_sounds()

    def bring_sounds(self) -> None:
        """Bring the prompts' recordings that this machine lacks."""
        flows = (self.now.callflow, self.now.followup)
        sounds.bring(self.now.settings, self._storage, flows)

    def on_trial(self, drafts: str) -> Phone:
        """The telephone with these versions (`123-124`) in place of what is in force: somebody tries a
        draft in a browser. The one in force where they cannot be had."""
        return self.of_call({"edition": f"{self.standing.edition}-{drafts}"})

    def of_call(self, query: Mapping[str, str]) -> Phone:
        """The telephone of a call whose addresses carry this: it ends with the flow it began with.

        Where that edition cannot be had, the one in force; the caller is greeted again if it has no
        such step.
        """
        phone, edition = self.now, query.get("edition", INSTALLED)
        if edition == self.standing.edition:
            return phone
        try:
            return phone.speaking(self._ledger.run(lambda: self._flows(edition)))
        except (Unavailable, ValueError, LookupError) as error:
            log.warning("a call of edition %.20r goes on with ours: %s", edition, first_line(error))
            return phone

    def _read(self, edition: str) -> Flows:
        return Flows.read(edition, City.read(self.standing.shelf.folder(edition)))


def phones(settings: Settings, engine: Engine) -> Phones:
    """The telephones the settings describe, of the edition in force and of those before.

    Raises CityError, PackError or FlowError.
    """
    return Phones(install(settings, engine), Shelf(settings, engine, editions))


def install(settings: Settings, engine: Engine) -> Phone:
    """The telephone the settings describe, with the city as it was installed.

    Raises CityError, PackError or FlowError.
    """
    city = City.read(settings.city_folder)
    data_key = keys.secret(settings.state_dir, "data-key", settings.data_key)
    flows = Flows.read(INSTALLED, city)
    return Phone(
        settings=settings,
        profile=PROFILES[settings.provider],
        city=city,
        callflow=flows.hotline,
        followup=flows.followup,
        policy=followup_policy.read(city.folder),
        departments=_departments(city.folder),
        categories=_categories(city.folder),
        engine=engine,
        ledger=Breaker(database.Trouble),
        doorbell=Doorbell(settings.redis_url),
        spool=Spool(settings.state_dir / "spool", data_key),
        caller_key=CallerKey(data_key),
        terms=Terms.of_city(city),
        texts_callers=settings.texts_callers(_contacts(city).caller.sms),
    )


def _departments(folder: Path) -> dict[str, departments.Department]:
    return {one.code: one for one in departments.read(folder)}


def _categories(folder: Path) -> dict[str, categories.Category]:
    return {one.code: one for one in categories.read(folder, departments.read(folder))}


def _contacts(city: City) -> Contacts:
    known = frozenset(one.code for one in departments.read(city.folder))
    return contacts.read(city.folder, known)
