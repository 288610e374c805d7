"""What the console works with: made once when the process starts, handed to every page."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from cases import categories, departments
from cases.callers import CallerKey
from cases.categories import Category
from cases.clocks import Terms
from cases.departments import Department
from cases.permissions import Person
from cases.signins import Here
from runtime import keys
from runtime.city import City
from runtime.settings import Settings
from runtime.storage import Storage


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

    def owner(self, code: str) -> Mapping[str, str]:
        """The names of a case's owner: a department, or the hotline's own desk."""
        department = self.departments.get(code)
        return department.name if department else self.city.desk

    def person(self, here: Here) -> Person:
        """Who sits at the console, as the rules know people."""
        works_for = self.departments.get(here.department or "")
        district = works_for is not None and works_for.kind == "district"
        return Person(here.actor, here.role, here.department, district)


def install(settings: Settings, engine: Engine, city: City) -> Office:
    """The console the settings describe. Raises PackError."""
    known = departments.read(city.folder)
    return Office(
        city=city,
        engine=engine,
        categories={one.code: one for one in categories.read(city.folder, known)},
        departments={one.code: one for one in known},
        storage=Storage(settings.recordings_url),
        caller_key=CallerKey(keys.secret(settings.state_dir, "data-key", settings.data_key)),
        terms=Terms.of_city(city),
    )
