"""The web process: the telephone's webhooks and the console. `python app.py` starts it."""

import logging
import os
import sys

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix

from callflows.problems import FlowError
from cases import callers, people
from cases.callers import CallerKey
from cases.pack import PackError
from console import office, pages
from ivr import phone as telephone
from ivr import replay, softphone, webhooks
from ivr.phone import Phone, Phones
from runtime import clock, database, health, keys, logs, shelf
from runtime.city import CityError
from runtime.settings import Settings, SettingsError, stop

log = logging.getLogger("web")


def create_app(settings: Settings | None = None) -> Flask:
    """The application. Raises SettingsError, CityError, PackError or FlowError."""
    settings = settings or Settings.read()
    settings.require_signatures()
    app = Flask(__name__, static_folder=None)
    if hops := settings.trusted_proxies:
        # Without this everybody behind the proxy shares one address, and one count of wrong tries.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops)  # type: ignore[method-assign]
    engine = database.engine(settings.database_url)
    phones = telephone.phones(settings, engine)
    app.extensions["phones"] = phones
    app.register_blueprint(webhooks.blueprint(phones))
    if settings.phone_enabled:
        app.register_blueprint(softphone.blueprint(phones))
    _health_routes(app, phones.now)
    pages.install(app, settings, engine)
    return app


def web() -> Flask:
    """What gunicorn serves: the application; the spool told to the database, and other editions of the
    city looked for, now and then."""
    settings = Settings.load()
    logs.start(settings.log_format)
    app = create_app(settings)
    phones: Phones = app.extensions["phones"]
    welcome_first_admin(settings, phones.now.engine)
    replay.keep_draining(phones)
    shelf.keep_looking(phones.look, app.extensions["console"].look)
    return app


def welcome_first_admin(settings: Settings, engine: Engine) -> None:
    """When nobody at all can sign in, make an admin and print the one-time password: once, by whichever
    process is first, to the terminal and not into the log, which others read and keep."""
    try:
        with database.transaction(engine) as session:
            password = people.first_admin(session, clock.now())
    except database.Trouble:
        return  # it is away or not migrated, which is told elsewhere; the next start makes the admin
    if password is not None:
        address = f"{settings.public_base_url}/sign-in"
        print(
            f"\nNobody can sign in yet, so there is an admin now. Sign in at {address}\n"
            f"  name               {people.FIRST}\n"
            f"  one-time password  {password}\n"
            "It is good for 72 hours and not shown again; a new one: "
            f"python -m console new-password {people.FIRST}\n",
            file=sys.stderr,
            flush=True,
        )


def _health_routes(app: Flask, phone: Phone) -> None:
    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        """This process answers."""
        return "ok\n", 200, {"Content-Type": "text/plain"}

    @app.get("/readyz")
    def readyz() -> ResponseReturnValue:
        """A call would get through to its case."""
        found = health.readiness(phone.engine, phone.ledger, phone.doorbell, phone.spool)
        return jsonify(found.as_dict()), 200 if found.ready else 503


def main() -> None:
    """Check everything a start can check, then become gunicorn."""
    settings = Settings.load()
    logs.start(settings.log_format)
    try:
        settings.require_signatures()
        office.check_roles(settings)
        telephone.install(settings, database.engine(settings.database_url))
        _check_database(settings)
    except (SettingsError, CityError, PackError, FlowError) as error:
        stop(error)
    bin_folder = os.path.dirname(sys.executable)
    os.execv(
        sys.executable,
        [
            sys.executable,
            os.path.join(bin_folder, "gunicorn"),
            *gunicorn_options(settings),
            "app:web()",
        ],
    )


def _check_database(settings: Settings) -> None:
    """Refuse a schema or a key that does not fit. A database that is away is no reason: it may come."""
    engine = database.engine(settings.database_url)
    try:
        if database.revision(engine) != health.newest_revision():
            raise SettingsError(
                "DATABASE_URL: the schema is not this version's: run `make migrate`"
            )
        data_key = CallerKey(keys.secret(settings.state_dir, "data-key", settings.data_key))
        with database.transaction(engine) as session:
            if not callers.is_key_of(session, data_key):
                raise SettingsError("DATA_KEY is not the one this database was written with")
        welcome_first_admin(settings, engine)
    except database.Trouble as error:
        log.error("the database is away, calls will be kept in the spool: %s", error)
    finally:
        engine.dispose()


def gunicorn_options(settings: Settings) -> list[str]:
    """How the web server runs; docs/performance.md says how this was chosen."""
    # SQLite has one writer: threads of one process queue for it, processes would wait unfairly.
    processes = 1 if settings.database_url.startswith("sqlite") else settings.web_processes
    return [
        f"--bind={settings.bind}",
        f"--workers={processes}",
        "--worker-class=gthread",
        "--threads=4",
        "--timeout=30",
        "--graceful-timeout=20",
        "--no-control-socket",
        f"--chdir={health.ROOT}",
        "--log-level=warning",
    ]


if __name__ == "__main__":
    main()
