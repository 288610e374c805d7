"""What the browser is told to refuse, and the proof that a form came from our own page."""

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect

# The provider's webhooks prove themselves by signature and are no pages.
TELEPHONE = "voice"
MAX_FORM = 64 * 1024

POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "media", "connect", "font")),
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: over https the proof of origin needs the referrer.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
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
        if request.blueprint != TELEPHONE:
            request.max_content_length = MAX_FORM
            csrf.protect()

    @app.after_request
    def tell_the_browser(response: Response) -> Response:
        return response if request.blueprint == TELEPHONE else _with_headers(response, https)


def _with_headers(response: Response, https: bool) -> Response:
    response.headers.update(HEADERS)
    if https:
        response.headers["Strict-Transport-Security"] = ONE_YEAR
    if request.endpoint != "console.static":
        response.headers["Cache-Control"] = "no-store"
    return response
