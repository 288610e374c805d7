"""The measure: a Flask route that checks nothing, stores nothing, and always answers the same.

`python -m bench.bare` serves it with the very options the web process runs with.
"""

import os
import sys
from pathlib import Path

from flask import Flask, Response

TWIML = """<?xml version="1.0" encoding="UTF-8"?><Response>\
<Gather action="http://127.0.0.1/voice/turn" input="dtmf" numDigits="1" timeout="1">\
<Say language="yue-CN">你好，呢度係熱線，通話會錄音。請喺嘟一聲之後講。</Say></Gather>\
<Record action="http://127.0.0.1/voice/turn" maxLength="180" playBeep="true"/>\
<Redirect method="POST">http://127.0.0.1/voice/turn?heard=silence</Redirect></Response>""".encode()


def web() -> Flask:
    """The application: one route."""
    app = Flask(__name__)

    @app.post("/voice")
    def answer() -> Response:
        return Response(TWIML, mimetype="text/xml")

    return app


def main() -> None:
    """Become gunicorn, as `python app.py` does."""
    from app import gunicorn_options
    from runtime.settings import Settings

    gunicorn = Path(sys.executable).with_name("gunicorn")
    options = gunicorn_options(Settings.load())
    os.execv(sys.executable, [sys.executable, str(gunicorn), *options, "bench.bare:web()"])


if __name__ == "__main__":
    main()
