"""The pages at the door: sign in, choose a password, sign out, choose a language."""

import logging
from datetime import timedelta

from flask import (
    Blueprint,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases import agents, leases, permissions, second_factor, signins
from cases.agents import Agent
from cases.errors import Refused
from console import door, languages
from console.addresses import address
from console.door import ANYBODY, NEWCOMER, needs
from console.office import Office
from runtime import clock
from runtime.database import transaction

log = logging.getLogger(__name__)

# Longer input is nobody's name or password, and hashing it would be work for an attacker's sake.
LONGEST = 1024
# So many seconds after the right password the code is asked for; then the password again.
HALF_WAY = 5 * 60
# A thief who has the password guesses one in 330,000 codes: at this pace for many years.
CODES_A_DAY, A_DAY = 20, timedelta(days=1)

BEGINS = {
    permissions.SEE_OWN_CASES: "console.department_page",
    permissions.WORK_DESK: "console.desk_page",
}


def routes(pages: Blueprint, office: Office) -> None:
    """`/`, `/sign-in`, `/sign-in/code`, `/sign-in/<token>`, `/new-password`, `/sign-out`, `/language`."""
    _sign_in_routes(pages, office)
    _link_route(pages, office)
    _password_routes(pages, office)

    @pages.get("/")
    @needs(ANYBODY)
    def front() -> ResponseReturnValue:
        """Three doors for visitors; who is signed in goes to where work begins."""
        if g.here:
            return redirect(url_for(_begins_at()), 303)
        return render_template(
            "front.html", tracks="console.track_form" in current_app.view_functions
        )

    @pages.post("/sign-out")
    @needs(NEWCOMER)
    def sign_out() -> ResponseReturnValue:
        with transaction(office.engine) as records:
            signins.end(records, g.here.signin_id, clock.now())
            leases.put_back_all(records, office.person(g.here))
        door.signed_out()
        return redirect(url_for("console.sign_in"), 303)

    @pages.post("/language")
    @needs(ANYBODY)
    def language() -> ResponseReturnValue:
        """Keep the chosen language with the browser, and with the agent if one is here."""
        chosen = request.form.get("language", "")
        if chosen in languages.LANGUAGES:
            session["language"] = chosen
            _keep_language(office, chosen)
        return redirect(door.own_page(request.form.get("back", "/")), 303)


def _begins_at() -> str:
    """Where the work of who is here begins; with all cases unless it is with something nearer."""
    for permission, page in BEGINS.items():
        if permissions.may(g.here.role, permission):
            return page
    return "console.case_list"


def _sign_in_routes(pages: Blueprint, office: Office) -> None:
    @pages.get("/sign-in")
    @needs(ANYBODY)
    def sign_in() -> ResponseReturnValue:
        if g.here:
            return door.onward()
        return render_template("sign_in.html", ended=session.pop("ended", False))

    @pages.post("/sign-in")
    @needs(ANYBODY)
    def try_to_sign_in() -> ResponseReturnValue:
        name = agents.plain_name(request.form.get("name", "")[:LONGEST])
        try:
            agent_id = _recognise(office, name, request.form.get("password", "")[:LONGEST])
        except Refused as no:
            log.warning("a sign-in was refused (%s) from %s", no.code, request.remote_addr)
            words = g.wording(f"sign_in.{no.code}", **no.details)
            status = 429 if no.code == "wait" else 422
            return render_template("sign_in.html", name=name, problem=words), status
        with transaction(office.engine) as records:
            if second_factor.is_on(records, agent_id):
                session["half"] = [agent_id, int(clock.now().timestamp())]
                return redirect(url_for("console.code"), 303)
        return _enter(office, agent_id)

    @pages.get("/sign-in/code")
    @needs(ANYBODY)
    def code() -> ResponseReturnValue:
        """The second step, for who has just given the right password."""
        if _half_way() is None:
            return redirect(url_for("console.sign_in"), 303)
        return render_template("code.html")

    @pages.post("/sign-in/code")
    @needs(ANYBODY)
    def try_code() -> ResponseReturnValue:
        agent_id = _half_way()
        if agent_id is None:
            return redirect(url_for("console.sign_in"), 303)
        try:
            _check_code(office, agent_id, request.form.get("code", "")[:LONGEST])
        except Refused as no:
            log.warning("a code was refused (%s) from %s", no.code, request.remote_addr)
            words = g.wording(f"sign_in.{no.code}", **no.details)
            return render_template("code.html", problem=words), 429 if no.code == "wait" else 422
        return _enter(office, agent_id)


def _enter(office: Office, agent_id: int) -> ResponseReturnValue:
    must_choose = _begin(office, agent_id)
    return redirect(url_for("console.new_password"), 303) if must_choose else door.onward()


def _half_way() -> int | None:
    """Whose password was right a short while ago, in this browser."""
    agent_id, at = session.get("half") or (None, 0)
    if agent_id and clock.now().timestamp() - at > HALF_WAY:
        session.pop("half")
        return None
    return agent_id


def _check_code(office: Office, agent_id: int, code: str) -> None:
    """Raises Refused: `wrong_code` or `wait`. Wrong codes are counted in a transaction of their own."""
    now, key = clock.now(), signins.of_code(agent_id)
    from_here = signins.of_address(address(request.remote_addr))
    with transaction(office.engine) as records:
        signins.count_try(records, (key, from_here), now)
        signins.count_try(records, (f"{key}:day",), now, most=CODES_A_DAY, within=A_DAY)
    with transaction(office.engine) as records:
        agent = records.get_one(Agent, agent_id)
        if not agent.active or not second_factor.check(
            records, office.second_factor, agent_id, code, now
        ):
            raise Refused("wrong_code")
        signins.take_back(records, (key, from_here, f"{key}:day"))


def _link_route(pages: Blueprint, office: Office) -> None:
    @pages.get("/sign-in/<token>")
    @needs(ANYBODY)
    def sign_in_by_link(token: str) -> ResponseReturnValue:
        """In by a link of the command `sign-in-link`, once, and on to the telephone where there is one."""
        if not office.is_of_this_machine:
            abort(404)
        with transaction(office.engine) as records:
            found = signins.by_link(records, token[:LONGEST], clock.now())
        if found is None:
            return render_template("sign_in.html", problem=g.wording("sign_in.link_used")), 410
        door.signed_in(*found)
        log.info("signed in by a link from %s", request.remote_addr)
        return redirect(url_for("console.phone_page" if office.phone else "console.front"), 303)


def _password_routes(pages: Blueprint, office: Office) -> None:
    @pages.get("/new-password")
    @needs(NEWCOMER)
    def new_password() -> ResponseReturnValue:
        return render_template("new_password.html")

    @pages.post("/new-password")
    @needs(NEWCOMER)
    def choose_password() -> ResponseReturnValue:
        try:
            _choose(office, request.form.get("password", ""), request.form.get("again", ""))
        except Refused as no:
            words = g.wording(f"password.{no.code}", **no.details)
            return render_template("new_password.html", problem=words), 422
        _begin(office, g.here.agent_id)
        return door.onward()


def _recognise(office: Office, name: str, password: str) -> int:
    """The agent's id. Raises Refused: `wrong`, `expired` (a one-time password) or `wait`.

    Passwords are verified between two transactions: that is slow work by design.
    """
    name_key, address_key = signins.of_name(name), signins.of_address(address(request.remote_addr))
    with transaction(office.engine) as records:
        signins.count_try(records, (name_key, address_key), clock.now())
        agent = agents.by_name(records, name)
        known = (agent.id, agent.password_hash) if agent and agent.active else (0, None)
    if not agents.matches(known[1], password):
        raise Refused("wrong")
    with transaction(office.engine) as records:
        signins.was_right(records, name_key, address_key, clock.now())
        agent = records.get_one(Agent, known[0])
        if agent.one_time_until and agent.one_time_until < clock.now():
            raise Refused("expired")
    return known[0]


def _begin(office: Office, agent_id: int) -> bool:
    """The agent is here from now on; whether a password has yet to be chosen."""
    with transaction(office.engine) as records:
        agent = records.get_one(Agent, agent_id)
        token, language = signins.begin(records, agent, clock.now()), agent.language
        must_choose = agent.one_time_until is not None
    door.signed_in(token, language)
    log.info("agent %d signed in from %s", agent_id, request.remote_addr)
    return must_choose


def _choose(office: Office, password: str, again: str) -> None:
    """The agent's new password; every sign-in of the old one ends."""
    if password != again:
        raise Refused("not_alike")
    with transaction(office.engine) as records:
        agent = records.get_one(Agent, g.here.agent_id)
        agents.choose_password(agent, password)
        signins.end_all(records, agent, clock.now())


def _keep_language(office: Office, chosen: str) -> None:
    if g.here:
        with transaction(office.engine) as records:
            _agent_here(records).language = chosen


def _agent_here(records: Session) -> Agent:
    return records.get_one(Agent, g.here.agent_id)
