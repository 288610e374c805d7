"""`/api/v1`: cases without who called, and rates, for other programs. `docs/openapi.yaml` describes it.

A program shows its key in a header and nowhere else; there are no cookies here, and so nothing that
another site could make a browser send. What is read is written down like everybody's reading.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Blueprint, Response, g, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from cases import accesses, api_keys, kpis, published, signins
from cases.api_keys import CASES, RATES, Caller
from cases.case import DESK
from cases.errors import Refused
from cases.kpis import BY, Rate, Unit
from cases.lifecycle import STATUSES
from cases.published import Found, Wanted
from console import forms, rates_asked
from console.addresses import address
from console.door import KEYED, needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

PREFIX = "/api/"
USUAL, MOST = 50, 200


class Problem(Exception):
    """What a program is told instead of an answer. `code` is stable, `detail` a sentence for a person."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers or {}

    def answer(self) -> Response:
        """The problem as RFC 9457 has it."""
        told = {"status": self.status, "title": HTTPStatus(self.status).phrase}
        answer = jsonify({**told, "code": self.code, "detail": self.detail})
        answer.status_code, answer.mimetype = self.status, "application/problem+json"
        answer.headers.update(self.headers)
        return answer


def is_asked() -> bool:
    """Whether the request is for an address of the API, one that there is or not."""
    return request.path.startswith(PREFIX)


def trouble(code: int) -> Response:
    """The answer to what went wrong before or beside our own pages."""
    details = {404: "there is no such address", 405: "only GET is answered here"}
    said = details.get(code, "it did not work; try again later" if code >= 500 else "")
    return Problem(code, HTTPStatus(code).name.lower(), said or HTTPStatus(code).phrase).answer()


def blueprint(office: Office) -> Blueprint:
    """Every address of the API."""
    pages = Blueprint("api", __name__, url_prefix="/api/v1")

    @pages.before_request
    def who_asks() -> None:
        g.caller = _caller(office)

    @pages.errorhandler(Problem)
    def told(problem: Problem) -> ResponseReturnValue:
        return problem.answer()

    @pages.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        return trouble(error.code or 500)

    _routes(pages, office)
    return pages


def _routes(pages: Blueprint, office: Office) -> None:
    @pages.get("/cases")
    @needs(KEYED)
    def cases() -> ResponseReturnValue:
        """A page of cases, those opened first first."""
        _only_with(CASES)
        wanted, limit = _wanted(office), _limit()
        with transaction(office.engine) as records:
            found = published.page(records, wanted, limit)
            kind, by = accesses.EXPORTED, g.caller.person
            accesses.note(records, kind, found.ids, by, clock.now(), page="api")
        return jsonify({"cases": found.rows, "next": _next(found)})

    @pages.get("/cases/<number>")
    @needs(KEYED)
    def one_case(number: str) -> ResponseReturnValue:
        """One case, with what was done about it."""
        _only_with(CASES)
        _known()
        with transaction(office.engine) as records:
            found = published.one(records, number)
            kind, by = accesses.VIEWED, g.caller.person
            accesses.note(records, kind, found.ids, by, clock.now(), page="api")
        if not found.rows:
            raise Problem(404, "not_found", "there is no case of this number")
        return jsonify(found.rows[0])

    @pages.get("/rates")
    @needs(KEYED)
    def rates() -> ResponseReturnValue:
        """What citizens answered, as the page of rates has it."""
        _only_with(RATES)
        return jsonify(_rates(office))


# --- who asks ---------------------------------------------------------------------------------------


def _caller(office: Office) -> Caller:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        _no_key("no key was shown: Authorization: Bearer whistle_...")
    try:
        with transaction(office.engine) as records:
            caller = api_keys.find(records, token.strip(), clock.now())
    except Refused as no:
        raise _wait(no, "this key asked too often") from no
    if caller is None:
        _count_wrong(office)
        _no_key("this key opens nothing: unknown, expired or revoked")
    return caller


def _count_wrong(office: Office) -> None:
    """Whoever tries keys is answered no more for a while; a key that is right is not kept waiting."""
    whose = signins.of_address(f"api:{address(request.remote_addr)}")
    try:
        with transaction(office.engine) as records:
            signins.count_try(records, (whose,), clock.now())
    except Refused as no:
        raise _wait(no, "too many wrong keys came from this address") from no


def _wait(no: Refused, detail: str) -> Problem:
    seconds = no.details.get("seconds") or 60 * int(str(no.details.get("minutes", 1)))
    return Problem(429, "wait", detail, {"Retry-After": str(seconds)})


def _no_key(detail: str) -> NoReturn:
    raise Problem(401, "no_key", detail, {"WWW-Authenticate": "Bearer"})


def _only_with(scope: str) -> None:
    if scope not in g.caller.scopes:
        raise Problem(403, "scope", f"this key is not for {scope}")


# --- what is asked for -------------------------------------------------------------------------------


def _known(*names: str) -> None:
    """A parameter that is misspelt must not be taken for none."""
    if unknown := sorted(set(request.args) - set(names)):
        raise Problem(400, "bad_parameter", f"{unknown[0]} is no parameter here")


def _wanted(office: Office) -> Wanted:
    _known("changed_since", "status", "category", "department", "after", "limit")
    return Wanted(
        changed_since=_moment("changed_since"),
        status=_one_of("status", STATUSES),
        category=_one_of("category", office.categories),
        department=_one_of("department", (DESK, *office.departments)),
        after=_whole("after", 0, 2**62) or 0,
    )


def _limit() -> int:
    found = _whole("limit", 1, MOST)
    return USUAL if found is None else found


def _one_of(name: str, known: Any) -> str | None:
    text = request.args.get(name)
    if text is not None and text not in known:
        raise Problem(400, "bad_parameter", f"{name}: one of {', '.join(known)}")
    return text


def _whole(name: str, least: int, most: int) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
        raise Problem(400, "bad_parameter", f"{name}: a whole number from {least} to {most}")
    return int(text)


def _moment(name: str) -> datetime | None:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        # An address may hold a blank in place of the plus sign of a zone.
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1970 <= found.year < 9999:
        detail = f"{name}: a moment with its zone, such as 2026-11-24T01:30:00Z"
        raise Problem(400, "bad_parameter", detail)
    return found.astimezone(UTC)


def _next(found: Found) -> str | None:
    """The address of the next page, if there is one."""
    if not found.more:
        return None
    asked: dict[str, Any] = {**request.args.to_dict(), "after": found.ids[-1]}
    return url_for("api.cases", **asked)


# --- the rates ---------------------------------------------------------------------------------------


def _rates(office: Office) -> dict[str, Any]:
    _known("policy", "by", "first", "last")
    _one_of("policy", rates_asked.policies())
    _one_of("by", BY)
    for name in ("first", "last"):
        if name in request.args and forms.day(request.args[name]) is None:
            raise Problem(400, "bad_parameter", f"{name}: a day such as 2026-11-24")
    wanted = rates_asked.asked_for(office)
    with transaction(office.engine) as records:
        report = rates_asked.reckoned(records, wanted)
    return {
        **wanted.query,
        "units": [_unit(one) for one in report.units],
        "together": _unit(report.together),
    }


def _unit(unit: Unit) -> dict[str, Any]:
    return {
        "code": None if unit.group == kpis.ALL else unit.group,
        "asked": unit.asked,
        "valid": unit.valid,
        "excluded": unit.excluded,
        "rates": {name: _rate(one) for name, one in unit.rates.items()},
        "score": _figure(unit.score),
        "low": _figure(unit.low),
        "high": _figure(unit.high),
        "rank": unit.rank,
    }


def _rate(rate: Rate) -> dict[str, Any]:
    share, low, high = (_figure(one) for one in (rate.share, rate.low, rate.high))
    return {"n": rate.n, "share": share, "low": low, "high": high}


def _figure(value: Fraction | Decimal | None) -> float | None:
    """Six decimals; None where there is no data, and never 0 for it."""
    return None if value is None else round(float(value), 6)
