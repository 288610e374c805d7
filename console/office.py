"""What the console works with: made once when the process starts, handed to every page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from cases import categories, departments, editions, places, referral_policy, wording
from cases.browser_calls import BrowserKey
from cases.callers import CallerKey
from cases.categories import Category
from cases.clocks import Promises, Terms
from cases.departments import Department
from cases.permissions import ROLES, Person
from cases.referral_policy import ReferralPolicy
from cases.second_factor import SecondFactorKey
from cases.signins import Here
from cases.tracking import TrackingKey
from cases.wording import House
from cases.workdays import Workdays
from runtime import keys
from runtime.city import City
from runtime.settings import Settings, SettingsError
from runtime.shelf import Shelf, Standing
from runtime.storage import Storage


@dataclass(frozen=True)
class BrowserPhone:
    """The telephone where it is switched on. open: to anybody; samples: ready-made callers, if any."""

    key: BrowserKey
    open: bool
    samples: Path | None

    @staticmethod
    def of(settings: Settings) -> "BrowserPhone | None":
        """The telephone that the settings describe; None while it is off."""
        if not settings.phone_enabled:
            return None
        secret = keys.secret(settings.state_dir, "data-key", settings.data_key)
        samples = settings.phone_samples.resolve() if settings.phone_samples else None
        return BrowserPhone(BrowserKey(secret), settings.is_of_this_machine, samples)


@dataclass(frozen=True)
class Office:
    """The console of one city."""

    city: City
    engine: Engine
    categories: Mapping[str, Category]
    departments: Mapping[str, Department]
    storage: Storage
    caller_key: CallerKey
    terms: Terms
    policy: ReferralPolicy
    tracking: TrackingKey
    house: House
    second_factor: SecondFactorKey
    two_factor_roles: frozenset[str]
    settings: Settings
    phone: BrowserPhone | None = None
    # A hotline for trying things, which nobody reaches from elsewhere.
    is_of_this_machine: bool = False

    def renewed(self, folder: Path) -> "Office":
        """The same console, with the city as this folder has it. Raises CityError or PackError."""
        city = City.read(folder)
        kinds, known = _pack(folder)
        return replace(
            self,
            city=city,
            categories={one.code: one for one in kinds},
            departments={one.code: one for one in known},
            terms=_terms(city),
            policy=_policy(folder, city.languages[0]),
            house=wording.house(self.house.base_url, city, kinds, known),
        )

    def owner(self, code: str) -> Mapping[str, str]:
        """The names of a case's owner: a department, or the hotline's own desk."""
        department = self.departments.get(code)
        return department.name if department else self.city.desk

    def person(self, here: Here) -> Person:
        """Who sits at the console, as the rules know people."""
        return Person(here.actor, here.role, here.department, self.is_district(here.department))

    def is_district(self, department: str | None) -> bool:
        """Whether this is a district office's department."""
        known = self.departments.get(department or "")
        return known is not None and known.kind == "district"


def install(settings: Settings, engine: Engine, city: City) -> Office:
    """The console the settings describe. Raises PackError or SettingsError."""
    check_roles(settings)
    data_key = keys.secret(settings.state_dir, "data-key", settings.data_key)
    kinds, known = _pack(city.folder)
    return Office(
        city=city,
        engine=engine,
        categories={one.code: one for one in kinds},
        departments={one.code: one for one in known},
        storage=Storage(settings.recordings_url),
        caller_key=CallerKey(data_key),
        terms=_terms(city),
        policy=_policy(city.folder, city.languages[0]),
        tracking=TrackingKey(data_key),
        house=wording.house(settings.public_base_url, city, kinds, known),
        second_factor=SecondFactorKey(data_key),
        two_factor_roles=settings.two_factor_roles,
        settings=settings,
        phone=BrowserPhone.of(settings),
        is_of_this_machine=settings.is_of_this_machine,
    )


def check_roles(settings: Settings) -> None:
    """Raises SettingsError for a role in TOTP_ROLES that there is not."""
    if unknown := sorted(settings.two_factor_roles - ROLES.keys()):
        known = ", ".join(ROLES)
        raise SettingsError(f"TOTP_ROLES: there is no role {unknown[0]!r}; there are: {known}")


def standing(settings: Settings, engine: Engine) -> Standing[Office]:
    """The console of the city's edition in force. Raises CityError or PackError."""
    first = install(settings, engine, City.read(settings.city_folder))
    shelf = Shelf(settings, engine, editions)
    return Standing(shelf, lambda edition, folder: first.renewed(folder))


def _terms(city: City) -> Terms:
    workdays = Workdays(city.is_working_day, city.time_zone, city.day_ends)
    return Terms(workdays, _promises(city.folder))


# A folder is read once in a process, however often a console is made: an edition never changes.


@lru_cache(8)
def _pack(folder: Path) -> tuple[tuple[Category, ...], tuple[Department, ...]]:
    known = departments.read(folder)
    return categories.read(folder, known), known


@lru_cache(8)
def _promises(folder: Path) -> Promises:
    return Promises.of_city(folder, _pack(folder)[0])


@lru_cache(8)
def _policy(folder: Path, language: str) -> ReferralPolicy:
    kinds, known = _pack(folder)
    return referral_policy.read(folder, kinds, known, places.read(folder), language)
