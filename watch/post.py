"""The job `notify`: send one delivery, by whichever way it goes, and write down what came of it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cases import categories, contacts, deliveries, departments, letters, wording
from cases.callers import CallerKey
from cases.contacts import Directory
from cases.deliveries import Channel, Claim
from cases.letters import Letter, NotSent, Receipt, Sender
from cases.tracking import TrackingKey
from cases.wording import House
from runtime import clock, keys
from runtime.city import City
from runtime.database import transaction
from runtime.settings import Settings
from watch.mail import Mail
from watch.webhooks import Webhooks

log = logging.getLogger(__name__)

# Longer than any one way takes. A delivery whose worker died is free again after it.
LEASE = timedelta(minutes=3)


@dataclass(frozen=True)
class PostOffice:
    """What notices are sent with. `secrets`: the names of those we have; `holder` marks its leases."""

    engine: Engine
    directory: Directory
    house: House
    tracking: TrackingKey
    senders: Mapping[Channel, Sender]
    secrets: frozenset[str] = frozenset()
    holder: str = ""

    def due(self, session: Session) -> list[int]:
        """The delivery that wants to be tried next, if any. What was posted since the last look gets
        its deliveries first."""
        now = clock.now()
        self.directory.spread(session, now)
        return [one.delivery_id for one in deliveries.due(session, now, limit=1)]

    def renewed(self, folder: Path) -> "PostOffice":
        """The same post office, with the city as this folder has it. Raises CityError or PackError."""
        city, directory = City.read(folder), self.directory
        known = frozenset(one.code for one in departments.read(folder))
        return replace(
            self,
            directory=replace(directory, contacts=contacts.read(folder, known)),
            house=_house(self.house.base_url, city),
        )

    def means(self) -> str:
        """For an operator: whom notices reach, and how. Raises ValueError where something is missing."""
        for way in deliveries.CHANNELS:
            if way not in self.senders and self.directory.wants(way):
                raise ValueError(
                    f"{contacts.FILE} names {way}, which no setting gives the means for"
                )
        if missing := sorted(self.directory.secrets() - self.secrets):
            raise ValueError(f"WEBHOOK_SECRETS has no {missing[0]}, which {contacts.FILE} names")
        known = len(self.directory.contacts.departments)
        texts = "are texted" if self.directory.texts_callers else "get no texts"
        return f"by {', '.join(sorted(self.senders))} to {known} departments; callers {texts}"

    def notify(self, delivery_id: int) -> None:
        """Send one delivery if nobody else does and it is not over; running it twice is harmless."""
        with transaction(self.engine) as session:
            claim = self._claim(session, delivery_id)
            letter = self._write(session, claim) if claim else None
        if claim is None:
            return
        try:
            receipt = self._send(claim, letter)
        except NotSent as error:
            self._not_sent(claim, letter, error)
        else:
            self._sent(claim, letter, receipt)

    def _claim(self, session: Session, delivery_id: int) -> Claim | None:
        now = clock.now()
        claim = deliveries.claim(session, delivery_id, now, LEASE, self.holder)
        if claim is not None:
            wait = wording.words().wait(claim.channel, claim.attempts)
            deliveries.put_off(session, claim, now + (wait or LEASE))
        return claim

    def _write(self, session: Session, claim: Claim) -> Letter | None:
        try:
            return letters.write(session, self.directory, self.house, self.tracking, claim)
        except ValueError as error:
            # A number sealed under another key, or facts no text can be made of.
            log.error("delivery %d cannot be written: %s", claim.delivery_id, type(error).__name__)
            return None

    def _send(self, claim: Claim, letter: Letter | None) -> Receipt:
        if claim.again:
            log.warning("%s: may have been sent before", _named(claim))
        if claim.attempts > wording.words().tries(claim.channel):
            raise NotSent("the last try ended without a word", for_good=True)
        sender = self.senders.get(claim.channel)
        if letter is None or sender is None:
            raise NotSent("there is no address, or no way there")
        try:
            return sender(letter)
        except NotSent:
            raise
        except Exception as error:
            # A mistake of ours in one message must not keep all others from being sent.
            log.exception("%s: a mistake", _named(claim))
            raise NotSent(f"a mistake of ours: {type(error).__name__}") from error

    def _sent(self, claim: Claim, letter: Letter | None, receipt: Receipt) -> None:
        with transaction(self.engine) as session:
            deliveries.sent(
                session,
                claim,
                clock.now(),
                address=letter.address.shown if letter else "",
                response_status=receipt.response_status,
                provider_id=receipt.provider_id,
            )
        log.info("%s: sent", _named(claim))

    def _not_sent(self, claim: Claim, letter: Letter | None, error: NotSent) -> None:
        wait = None if error.for_good else wording.words().wait(claim.channel, claim.attempts)
        again = None if wait is None else clock.now() + max(wait, error.wait)
        with transaction(self.engine) as session:
            deliveries.not_sent(
                session,
                claim,
                str(error),
                clock.now(),
                again=again,
                address=letter.address.shown if letter else None,
                response_status=error.response_status,
            )
        word = "given up" if again is None else f"again from {again:%Y-%m-%d %H:%M:%S}"
        log.warning("%s: %s; %s", _named(claim), error, word)


def open_office(
    settings: Settings, engine: Engine, texting: Sender | None, holder: str = ""
) -> PostOffice:
    """The post office the settings describe. `texting`: the telephone's way to send text messages.

    Raises CityError or PackError.
    """
    city = City.read(settings.city_folder)
    secret = keys.secret(settings.state_dir, "data-key", settings.data_key)
    senders: dict[Channel, Sender] = {"webhook": Webhooks(settings.webhook_keys).send}
    if settings.smtp_url:
        senders["email"] = Mail(settings.smtp_url, settings.mail_from).send
    if texting is not None:
        senders["sms"] = texting
    return PostOffice(
        engine=engine,
        directory=_directory(settings, city, CallerKey(secret), frozenset(senders)),
        house=_house(settings.public_base_url, city),
        tracking=TrackingKey(secret),
        senders=senders,
        secrets=frozenset(settings.webhook_keys),
        holder=holder,
    )


def _directory(
    settings: Settings, city: City, key: CallerKey, ways: frozenset[Channel]
) -> Directory:
    known = frozenset(one.code for one in departments.read(city.folder))
    found = contacts.read(city.folder, known)
    return Directory(
        contacts=found,
        ways=ways,
        texts_callers=settings.texts_callers(found.caller.sms),
        country=city.country_prefix,
        language=city.languages[0],
        caller_key=key,
    )


def _house(base_url: str, city: City) -> House:
    known = departments.read(city.folder)
    return wording.house(base_url, city, categories.read(city.folder, known), known)


def _named(claim: Claim) -> str:
    """The try as the log names it: nobody's address."""
    return (
        f"delivery {claim.delivery_id}: {claim.kind} to {claim.to} by {claim.channel}, "
        f"try {claim.attempts}"
    )
