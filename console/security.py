"""What the browser is told to refuse, and the proof that a form came from our own page."""

import secrets

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect

from console import api

# The provider's webhooks prove themselves by signature and are no pages.
TELEPHONE = "voice"
MAX_FORM = 64 * 1024

OWN = ("script", "style", "img", "media", "connect", "font")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: over https the proof of origin needs the referrer.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
# What stands at an address that changes with it.
KEPT = "public, max-age=31536000, immutable"
ONE_YEAR = "max-age=31536000; includeSubDomains"


def install(app: Flask, secret: str, *, https: bool) -> None:
    """Cookies, proof of origin and headers for every response but the telephone's."""
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME="__Host-whistle" if https else "whistle",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_CHECK_DEFAULT=False,
        # The proof lasts as long as the sign-in: a page may lie open for hours.
        WTF_CSRF_TIME_LIMIT=None,
    )
    csrf = CSRFProtect(app)

    @app.before_request
    def believe_only_our_own_forms() -> None:
        if request.blueprint != TELEPHONE and not api.is_asked():
            # Before anything is read: a view that takes more says how much.
            view = app.view_functions.get(request.endpoint or "")
            size = getattr(view, "takes", MAX_FORM)
            request.max_content_length = request.max_form_memory_size = size
            csrf.protect()

    @app.after_request
    def tell_the_browser(response: Response) -> Response:
        return response if request.blueprint == TELEPHONE else _with_headers(response, https)


def style_nonce() -> str:
    """For a page whose player makes a style sheet of its own: the word by which this answer's policy
    lets it in."""
    if "style_nonce" not in g:
        g.style_nonce = secrets.token_urlsafe(16)
    nonce: str = g.style_nonce
    return nonce


def policy(style_nonce: str | None = None) -> str:
    """The content policy: everything from here, nothing written into the page."""
    kinds = {kind: f"{kind}-src 'self'" for kind in OWN}
    if style_nonce:
        kinds["style"] += f" 'nonce-{style_nonce}'"
    ends = ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'")
    return "; ".join(["default-src 'none'", *kinds.values(), *ends])


def _with_headers(response: Response, https: bool) -> Response:
    response.headers["Content-Security-Policy"] = policy(g.get("style_nonce"))
    response.headers.update(HEADERS)
    if https:
        response.headers["Strict-Transport-Security"] = ONE_YEAR
    kept = request.endpoint == "console.static" and response.status_code in (200, 304)
    response.headers["Cache-Control"] = KEPT if kept else "no-store"
    return response
