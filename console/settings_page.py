"""`/settings`: how each person likes to work at the console."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from cases import preferences
from cases.agents import Agent
from cases.permissions import OWN_SETTINGS
from cases.preferences import SPEEDS, Preferences
from console import languages
from console.door import needs
from console.office import Office
from runtime.database import transaction


def routes(pages: Blueprint, office: Office) -> None:
    """`/settings`."""

    @pages.get("/settings")
    @needs(OWN_SETTINGS)
    def settings_page() -> ResponseReturnValue:
        return render_template("settings.html", speeds=SPEEDS)

    @pages.post("/settings")
    @needs(OWN_SETTINGS)
    def keep_settings() -> ResponseReturnValue:
        """Keep what was chosen, and show the page in the language that was chosen."""
        language = request.form.get("language", "")
        with transaction(office.engine) as records:
            agent = records.get_one(Agent, g.here.agent_id)
            preferences.keep(agent, _chosen())
            if language in languages.LANGUAGES:
                agent.language = session["language"] = language
        flash("settings.kept")
        return redirect(url_for("console.settings_page"), 303)


def _chosen() -> Preferences:
    ticked: dict[str, Any] = {
        name: bool(request.form.get(name)) for name in ("keys", "auto_play", "pause_while_typing")
    }
    speeds = {str(speed): speed for speed in SPEEDS}
    return Preferences(**ticked, speed=speeds.get(request.form.get("speed", ""), 1.0))
