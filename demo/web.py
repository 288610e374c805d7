"""One HTTP request, byte for byte as given: a signature covers the address untidied."""

import http.client
from dataclasses import dataclass
from urllib.parse import quote_plus, urljoin, urlsplit

from .signing import Form


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    location: str = ""


def post(
    url: str, form: Form, headers: dict[str, str], method: str = "POST", timeout: float = 15.0
) -> Answer:
    """Send `form` to `url`. Raises OSError (TimeoutError when late) if nothing comes back."""
    scheme, host, target = _split(url)
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(host, timeout=timeout)
    body = encode(form) if method == "POST" else b""
    content = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"} if body else {}
    try:
        connection.request(method, target, body, {**content, **headers})
        reply = connection.getresponse()
        return Answer(
            reply.status,
            reply.getheader("Content-Type", ""),
            reply.read(),
            reply.getheader("Location", ""),
        )
    except http.client.HTTPException as problem:
        raise ConnectionError(str(problem) or type(problem).__name__) from problem
    finally:
        connection.close()


def resolved(base: str, url: str) -> str:
    """`url` as seen from `base`; an absolute one stays as it is, to the last bare `?`."""
    return url if urlsplit(url).scheme else urljoin(base, url)


def encode(form: Form) -> bytes:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in form).encode()


def _split(url: str) -> tuple[str, str, str]:
    address = urlsplit(url)
    target = url.partition("#")[0].removeprefix(f"{address.scheme}://{address.netloc}")
    return address.scheme, address.netloc, target if target.startswith("/") else f"/{target}"
