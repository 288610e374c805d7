"""What the telephone edge works with: made once when the process starts, handed to every turn."""

from dataclasses import dataclass, replace

from sqlalchemy import Engine

from callflows import reader
from callflows.flow import Callflow
from cases import contacts, departments, followup_policy
from cases.callers import CallerKey
from cases.clocks import Terms
from cases.contacts import Contacts
from cases.followup_policy import FollowupPolicy
from ivr.providers.profile import PROFILES, Profile
from runtime import database, keys
from runtime.breaker import Breaker
from runtime.city import City
from runtime.queues import Doorbell
from runtime.settings import Settings
from runtime.spool import Spool


@dataclass(frozen=True)
class Phone:
    """The telephone of one city at one provider."""

    settings: Settings
    profile: Profile
    city: City
    callflow: Callflow
    departments: dict[str, departments.Department]
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
        carried = f"&try={token}"
        return replace(self, callflow=self.followup, turns="/voice/followup/turn", carried=carried)


def install(settings: Settings, engine: Engine) -> Phone:
    """The telephone the settings describe. Raises CityError, PackError or FlowError."""
    city = City.read(settings.city_folder)
    data_key = keys.secret(settings.state_dir, "data-key", settings.data_key)
    return Phone(
        settings=settings,
        profile=PROFILES[settings.provider],
        city=city,
        callflow=reader.load(city.folder, languages=city.languages, facts=city.facts()),
        followup=reader.load(
            city.folder, languages=city.languages, facts=city.facts(), flow="followup"
        ),
        policy=followup_policy.read(city.folder),
        departments={d.code: d for d in departments.read(city.folder)},
        engine=engine,
        ledger=Breaker(database.Trouble),
        doorbell=Doorbell(settings.redis_url),
        spool=Spool(settings.state_dir / "spool", data_key),
        caller_key=CallerKey(data_key),
        terms=Terms.of_city(city),
        texts_callers=settings.texts_callers(_contacts(city).caller.sms),
    )


def _contacts(city: City) -> Contacts:
    known = frozenset(one.code for one in departments.read(city.folder))
    return contacts.read(city.folder, known)
