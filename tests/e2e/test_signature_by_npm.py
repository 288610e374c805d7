"""A second opinion on signatures: the provider's own JavaScript library signs, the hotline verifies."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from demo import web
from demo.form import Parties, twilio_form, twilio_id
from demo.house import PROJECT
from demo.signing import Form
from tests.support.hotline import Hotline
from tests.support.servers import missing

CACHE = PROJECT / ".cache" / "npm-twilio"
VERSION = "6.2"
SIGN = """
const {getExpectedTwilioSignature} = require("twilio");
const {token, url, form} = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(getExpectedTwilioSignature(token, url, form));
"""


@pytest.fixture(scope="session")
def npm_twilio() -> Path:
    """A folder in which node finds the package."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("node with npm")
    if not (CACHE / "node_modules" / "twilio").is_dir():
        _install()
    return CACHE


def _install() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "package.json").write_text('{"private": true}\n')
    options = ["--no-save", "--no-audit", "--no-fund", "--no-package-lock"]
    done = subprocess.run(
        ["npm", "install", *options, f"twilio@{VERSION}"],
        cwd=CACHE,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"npm could not install twilio: {done.stderr}")
        pytest.skip("npm cannot reach its registry from here")


def signature(folder: Path, token: str, url: str, form: Form) -> str:
    """What the npm package says the signature is."""
    asked = json.dumps({"token": token, "url": url, "form": dict(form)})
    done = subprocess.run(
        ["node", "-e", SIGN], cwd=folder, input=asked, capture_output=True, text=True, check=True
    )
    return done.stdout


def ringing(hotline: Hotline) -> Form:
    caller = "+85291234567"
    parties = Parties(hotline.exchange.account, twilio_id("CA"), caller, "1823")
    return twilio_form(parties, "ringing", {"CallerName": "陳大文 & Söhne + 100%"})


TARGETS = [
    "/voice",
    "/voice?",
    "/voice?a=1&b=2",
    "/voice?name=%E4%BD%A0%E5%A5%BD",
    "/voice?path=%2Fa%2Fb&bar=%7C&quote=%27",
    "/voice?plus=a+b&space=a%20b",
    "/voice?empty=&empty2",
]


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_npm_package_signs_the_hotline_believes(
    hotline: Hotline, npm_twilio: Path, target: str
) -> None:
    url, form = hotline.house.address + target, ringing(hotline)
    good = signature(npm_twilio, hotline.exchange.token, url, form)
    assert web.post(url, form, {"X-Twilio-Signature": good}).status == 200


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_npm_package_signs_with_another_token_it_does_not(
    hotline: Hotline, npm_twilio: Path, target: str
) -> None:
    url, form = hotline.house.address + target, ringing(hotline)
    bad = signature(npm_twilio, "another-token", url, form)
    assert web.post(url, form, {"X-Twilio-Signature": bad}).status == 403
