"""`/cases/<number>/notices`: who was told what of a case, when, on which way, and whether it arrived."""

from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from cases import accesses, deliveries
from cases.deliveries import Delivery
from cases.notices import FACTS, Notice
from cases.permissions import SEE_CASES, SEE_OWN_CASES
from console import case_sheet, noted
from console.door import needs
from console.languages import DATA_LANGUAGE
from console.office import Office
from console.who import who
from runtime.database import transaction


@dataclass(frozen=True)
class Told:
    """One notice in its reader's language, and every way it went out."""

    notice: Notice
    subject: str
    ways: list[Delivery]


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases/<number>/notices`."""

    @pages.get("/cases/<number>/notices")
    @needs(SEE_CASES, SEE_OWN_CASES)
    def notices_page(number: str) -> ResponseReturnValue:
        with transaction(office.engine) as records:
            case = case_sheet.find(records, number, office.person(g.here))
            noted.note(records, office, accesses.VIEWED, case.id)
            rows = deliveries.of_case(records, case.id)
            parties = [one.to for notice, way in rows for one in (notice, way) if one is not None]
            names = who(records, [to for to in parties if to.startswith("agent:")])
            records.expunge_all()
        told = [
            _told(office, notice, [way for _, way in group if way is not None])
            for notice, group in groupby(rows, key=lambda row: row[0])
        ]
        return render_template("notices.html", case=case, told=told, names=names)


def _told(office: Office, notice: Notice, ways: list[Delivery]) -> Told:
    facts = {name: notice.facts.get(name) for name in FACTS if name != "link"}
    text = office.house.write(notice.kind, facts, DATA_LANGUAGE[g.wording.language])
    return Told(notice, text.subject, ways)
