"""The real web process on each real database, with somebody at the other end of the line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app import create_app
from runtime.settings import Settings
from tests.integration.telephone import BASE, NEXT_TOKEN, TOKEN, Exchange


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a hotline in a folder of its own, and what the test wants otherwise."""

    def make(**chosen: object) -> Settings:
        usual: dict[str, object] = {
            "_env_file": None,
            "city": "hongkong",
            "database_url": database_url,
            "redis_url": "",
            "recordings_url": "",
            "public_base_url": BASE,
            "provider": "twilio",
            "twilio_account_sid": "AC1",
            "twilio_auth_token": TOKEN,
            "twilio_auth_token_secondary": NEXT_TOKEN,
            "media_hosts": (),
            "agent_dial": "+85228001823",
            "data_key": "a data key of the tests alone",
            "secret_key": "a secret key of the tests alone",
            "state_dir": tmp_path / "state",
            "insecure_dev_webhooks": False,
        }
        return Settings(**{**usual, **chosen})  # type: ignore[arg-type]

    return make


@pytest.fixture
def exchange(settings: Callable[..., Settings]) -> Exchange:
    """A hotline, and the provider that calls it."""
    return Exchange(create_app(settings()))
