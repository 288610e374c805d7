"""Bring a recording's sound from the provider: from known hosts only, and telling nobody our keys."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from runtime.settings import is_loopback

# An hour of two channels, as plain as providers send it.
MAX_BYTES = 128 * 1024 * 1024
MAX_SECONDS = 60.0
MAX_REDIRECTS = 3
# The name of a recording of the browser telephone.
OWN_NAME = r"RE[0-9a-f]{32}\.wav"
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0


class Refused(Exception):
    """We do not fetch from there, or not that much; trying again would not help by itself."""


class NotYet(Exception):
    """Not to be had at the moment; `soon` when the provider is just not ready with it."""

    def __init__(self, reason: str, *, soon: bool = False) -> None:
        super().__init__(reason)
        self.soon = soon


@dataclass(frozen=True)
class Source:
    """Where recordings may come from, and the account that opens the first door.

    own: what the addresses of the browser telephone's recordings begin with, while it is on; they
    lie with ourselves, whatever `hosts` says, and need no account.
    """

    hosts: Sequence[str]
    credentials: tuple[str, str] | None
    own: str = ""

    def is_own(self, url: str) -> bool:
        """Whether this is a recording of the browser telephone, to the letter, and nothing else of ours."""
        return bool(self.own) and re.fullmatch(re.escape(self.own) + OWN_NAME, url) is not None


def fetch(source: Source, url: str) -> bytes:
    """The recording's bytes. Raises Refused or NotYet.

    Credentials go with the first request only: what it redirects to gets none, and must be on the
    list of hosts as well.
    """
    deadline = time.monotonic() + MAX_SECONDS
    credentials = None if source.is_own(url) else source.credentials
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    with httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                check(source, url)
                target = _get(client, url, credentials, deadline)
                if isinstance(target, bytes):
                    return target
                url, credentials = urljoin(url, target), None
            except (ValueError, httpx.InvalidURL) as error:
                raise Refused(f"not an address: {error}") from error
            except httpx.HTTPError as error:
                raise NotYet(f"{type(error).__name__} from {urlsplit(url).hostname}") from error
    raise Refused(f"more than {MAX_REDIRECTS} redirects")


def check(source: Source, url: str) -> None:
    """Raise Refused unless this address may be fetched from."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None:
        raise Refused("an address with a user in it")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise Refused(f"{parts.scheme} to {host}: recordings are fetched by https")
    if source.is_own(url):
        return
    named = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not {named, f"{named}:{port}"} & set(source.hosts):
        raise Refused(f"{named}:{port} is not among MEDIA_HOSTS")


def _get(
    client: httpx.Client, url: str, credentials: tuple[str, str] | None, deadline: float
) -> bytes | str:
    with client.stream("GET", url, auth=credentials) as response:
        if response.is_redirect:
            return str(response.headers["location"])
        if response.status_code == 404:
            raise NotYet("404, the provider is not ready with it", soon=True)
        if response.status_code != 200:
            raise NotYet(f"HTTP {response.status_code}")
        return _body(response, deadline)


def _body(response: httpx.Response, deadline: float) -> bytes:
    body = bytearray()
    # As it comes, not in pieces of one size: a trickle must meet the deadline too.
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Refused(f"more than {MAX_BYTES >> 20} MB")
        if time.monotonic() > deadline:
            raise NotYet(f"not here after {MAX_SECONDS:.0f} s")
    if not body:
        raise NotYet("an empty file", soon=True)
    return bytes(body)
