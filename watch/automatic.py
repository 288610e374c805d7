"""Cases that nobody need look at are referred, where the city lets the machine do so."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.orm.exc import StaleDataError

from cases import automatic
from cases.clocks import Terms
from cases.errors import Refused
from cases.referral_policy import ReferralPolicy
from runtime.database import transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rules:
    """What a city says of it."""

    terms: Terms
    policy: ReferralPolicy


def go_round(engine: Engine, rules: Rules, now: datetime) -> int:
    """Refer what may be referred without a person; how many cases. Each has a transaction of its own."""
    with transaction(engine) as session:
        due = automatic.due(session, rules.policy, now)
    return sum(_refer(engine, rules, case_id, now) for case_id in due)


def _refer(engine: Engine, rules: Rules, case_id: int, now: datetime) -> bool:
    try:
        with transaction(engine) as session:
            return automatic.refer(session, case_id, rules.policy, rules.terms, now)
    except (Refused, StaleDataError) as no:
        # It waits for a person, as it would have anyhow.
        log.warning("case %d is not referred without a person: %s", case_id, no)
        return False
