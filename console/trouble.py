"""Pages for what went wrong. They say what to do and give nothing away."""

import logging

from flask import Flask, Response, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from console import api, door
from console.office import Office
from console.security import TELEPHONE

log = logging.getLogger(__name__)


def install(app: Flask, office: Office) -> None:
    """Error pages for every address that is no webhook."""

    def page(code: int, name: str | None = None) -> ResponseReturnValue:
        if _is_telephone():
            return Response(status=code)
        if api.is_asked():
            return api.trouble(code)
        g.setdefault("here", None)
        g.setdefault("wording", door.wording(office))
        name = name or str(code)
        name = name if g.wording.has(f"error.{name}.title") else "other"
        return render_template("error.html", name=name), code

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        if error.response is not None:
            return error.response
        if isinstance(error, CSRFError):
            return page(400, "form")
        return page(error.code or 500)

    @app.errorhandler(DBAPIError)
    @app.errorhandler(PoolTimeout)
    def database_away(error: Exception) -> ResponseReturnValue:
        log.error("the database at %s: %s", request.path, str(error).splitlines()[0])
        return page(503)

    @app.errorhandler(Exception)
    def bug(error: Exception) -> ResponseReturnValue:
        log.exception("an error at %s", request.path, exc_info=error)
        return page(500)


def _is_telephone() -> bool:
    return request.blueprint == TELEPHONE or request.path.startswith("/voice")
