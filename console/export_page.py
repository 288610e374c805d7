"""`/cases/export.csv` and `.xlsx`: what the list shows, all pages of it, to take away. It is written down who
took it."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, g, request
from flask.typing import ResponseReturnValue

from cases import accesses, permissions
from cases.permissions import EXPORT, EXPORT_WHOLE, Person
from cases.wording import mask_numbers
from console import list_address, noted, sheets, worklist
from console.door import needs
from console.office import Office
from console.sheets import Cell
from console.words import Words
from console.worklist import Filter
from runtime import clock
from runtime.database import transaction

# More than a program for sheets is good at; whoever needs them all has `python -m console export`.
MOST = 100_000
BATCH = 500


def routes(pages: Blueprint, office: Office) -> None:
    """`/cases/export.<format>`, with the same filter as the list. `text=whole`: with telephone and
    identity numbers, for who may."""

    @pages.get("/cases/export.<any(csv, xlsx):format>")
    @needs(EXPORT)
    def export_cases(format: str) -> ResponseReturnValue:
        whole = request.args.get("text") == "whole"
        if whole and not permissions.may(g.here.role, EXPORT_WHOLE):
            abort(403)
        wanted, reader, now = (
            list_address.read(office, request.args),
            office.person(g.here),
            clock.now(),
        )
        ids = _taken(office, wanted, reader, now, format, whole)
        words = Words(g.wording, office)
        rows = _rows(office, words, ids, reader, now, whole)
        head = sheets.heads(words)
        body = sheets.as_csv(head, rows) if format == "csv" else sheets.as_xlsx(head, rows)
        name = f"{now.astimezone(office.city.time_zone):%Y%m%d-%H%M}-{len(ids)}.{format}"
        return Response(
            body,
            content_type=sheets.TYPES[format],
            headers={
                "Content-Disposition": f'attachment; filename="cases-{name}"',
                "Cache-Control": "no-store",
            },
        )


def _taken(
    office: Office, wanted: Filter, reader: Person, now: datetime, format: str, whole: bool
) -> list[int]:
    """The cases as they are now, and the line that says who took them, together or not at all."""
    zone = office.city.time_zone
    with transaction(office.engine) as records:
        ids = worklist.find_ids(records, wanted, reader, zone, now, MOST + 1)
        if len(ids) > MOST:
            abort(413)
        query = urlencode({**wanted.at(1), "q": mask_numbers(wanted.q)})
        text = "whole" if whole else "masked"
        detail = {"format": format, "text": text, "filter": query, "count": len(ids)}
        noted.note(records, office, accesses.EXPORTED, *ids, **detail)
    return ids


def _rows(
    office: Office, words: Words, ids: list[int], reader: Person, now: datetime, whole: bool
) -> Iterator[list[Cell]]:
    """Read as they are sent: no transaction is held while a browser takes its time."""
    for begin in range(0, len(ids), BATCH):
        with transaction(office.engine) as records:
            some = ids[begin : begin + BATCH]
            rows = worklist.read_rows(records, some, Filter(), reader)
        for row in rows:
            yield sheets.cells(row, words, now, whole=whole)
