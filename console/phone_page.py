"""`/phone`: call the hotline from a browser. Off, it is not there; on, it is for whoever is signed in, and
for anybody where the hotline runs on this machine alone.

This page gives out the ids of calls, shows what became of one, and hands out ready-made callers. The
TwiML is walked by `static/phone/`; what it posts goes through the relay of the telephone's own package.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any

import yaml
from flask import Blueprint, abort, g, jsonify, redirect, render_template, request, send_from_directory
from flask import session as cookie
from flask import url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases import browser_calls, recordings, signins
from cases.browser_calls import BrowserKey
from cases.calls import Call
from cases.case import Case
from cases.errors import Refused
from console.addresses import address
from console.door import ANYBODY, needs
from console.office import Office
from runtime import clock, keys
from runtime.database import transaction
from runtime.settings import Settings

# From one address, in a quarter of an hour.
MOST_CALLS = 30
SAMPLES = "calls.yaml"


@dataclass(frozen=True)
class BrowserPhone:
    """The telephone where it is switched on. open: to anybody; samples: ready-made callers, if any."""

    key: BrowserKey
    open: bool
    samples: Path | None

    @staticmethod
    def of(settings: Settings) -> "BrowserPhone | None":
        """The telephone that the settings describe; None while it is off."""
        if not settings.phone_enabled:
            return None
        secret = keys.secret(settings.state_dir, "data-key", settings.data_key)
        samples = settings.phone_samples.resolve() if settings.phone_samples else None
        return BrowserPhone(BrowserKey(secret), settings.is_of_this_machine, samples)


@dataclass(frozen=True)
class Sample:
    """A ready-made caller: a WAV file, the language spoken in it, and what is said."""

    file: str
    language: str
    says: str
