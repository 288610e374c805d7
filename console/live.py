"""Pages with a region that renews itself: `live.js` asks for the page's own address, and is answered
what is inside that region. It is written once, in `<page>_live.html`, which the page includes."""

from datetime import datetime
from typing import Any

from flask import Response, make_response, render_template, request

from console.office import Office

# What the script says when it asks, and what it is told: the time of day of what it is shown.
ASKS = "X-Live"


def page(name: str, office: Office, now: datetime, **given: Any) -> Response:
    """The page `<name>.html`, or of it what is inside its region if the script asks."""
    at = f"{now.astimezone(office.city.time_zone):%H:%M:%S}"
    if ASKS not in request.headers:
        return make_response(render_template(f"{name}.html", now=now, live_at=at, **given))
    answer = make_response(render_template(f"{name}_live.html", now=now, **given))
    answer.headers[ASKS] = at
    return answer
