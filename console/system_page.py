"""`/admin/system`: the doctor in a page, and the hotline's processes."""

from collections.abc import Iterator

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import contacts, stations
from cases.contacts import Contacts
from cases.permissions import SEE_SYSTEM
from cases.stations import GONE_AFTER
from console.door import needs
from console.office import Office
from runtime import clock, doctor
from runtime.database import transaction
from runtime.doctor import Finding, Ill, Said
from runtime.settings import Settings


def routes(pages: Blueprint, office: Office) -> None:
    """`/admin/system`."""

    @pages.get("/admin/system")
    @needs(SEE_SYSTEM)
    def system_page() -> ResponseReturnValue:
        now = clock.now()
        findings = list(examined(office))
        with transaction(office.engine) as records:
            processes = stations.every(records)
            records.expunge_all()
        return render_template(
            "system.html",
            findings=[(one, one.words(g.wording.language)) for one in findings],
            ill=sum(not one.well for one in findings),
            processes=[(one, now - one.seen_at < GONE_AFTER) for one in processes],
            now=now,
        )


def examined(office: Office) -> Iterator[Finding]:
    """What the doctor finds on the machine of the web process, and of what only the records tell."""

    def workers(settings: Settings) -> Said:
        with transaction(office.engine) as records:
            return _workers(records)

    def notices(settings: Settings) -> Said:
        return _notices(settings, contacts.read(office.city.folder, frozenset(office.departments)))

    checks = {**doctor.CHECKS, "workers": workers, "notices": notices}
    yield from doctor.look(office.settings, checks)


def _workers(records: Session) -> Said:
    up = stations.up(records, clock.now())
    if lacking := [step for step, number in up.items() if not number]:
        raise Ill("lacking", steps=", ".join(lacking))
    return Said("ok", {"number": sum(up.values())})


def _notices(settings: Settings, known: Contacts) -> Said:
    """Whether there are the means for every way that the city's file names."""
    people = known.departments.values()
    means = {"email": ("SMTP_URL", settings.smtp_url), "sms": ("SMS_FROM", settings.sms_from)}
    for way, (setting, there) in means.items():
        if not there and any(getattr(one, way) for one in people):
            raise Ill("no_way", way=way, setting=setting)
    for one in people:
        if one.webhook is not None and one.webhook.secret not in settings.webhook_keys:
            raise Ill("no_secret", name=one.webhook.secret)
    return Said("ok", {"number": len(known.departments)})
