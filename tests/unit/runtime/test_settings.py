"""Nonsense in any setting stops the start with one line that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.settings import WHISPER_MODELS, Settings, SettingsError
from tests.conftest import PROJECT

SANE = {"_env_file": None, "twilio_auth_token": "0123456789abcdef"}
NONSENSE = [
    ("CITY", "atlantis"),
    ("CITY", "../cities"),
    ("DATABASE_URL", "mysql://localhost/whistle"),
    ("DATABASE_URL", "postgresql://localhost"),
    ("DATABASE_URL", "postgresql://localhost:port/whistle"),
    ("DATABASE_URL", "whistle.sqlite3"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "http://localhost:6379"),
    ("REDIS_URL", "redis://localhost:many/0"),
    ("RECORDINGS_URL", "/recordings"),
    ("RECORDINGS_URL", "ftp://host/recordings"),
    ("RECORDINGS_URL", "s3://"),
    ("PUBLIC_BASE_URL", "hotline.example"),
    ("PUBLIC_BASE_URL", "ftp://hotline.example"),
    ("PUBLIC_BASE_URL", "https://hotline.example/?city=1"),
    ("PUBLIC_BASE_URL", "https://hotline.example:port"),
    ("PORT", "telephone"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PROVIDER", "carrier-pigeon"),
    ("PROVIDER_API_URL", "api.example"),
    ("TWILIO_ACCOUNT_SID", "AC/../secret"),
    ("TWILIO_AUTH_TOKEN", " "),
    ("TWILIO_AUTH_TOKEN_SECONDARY", "\t"),
    ("MEDIA_HOSTS", "https://api.twilio.com"),
    ("MEDIA_HOSTS", "api.twilio.com,*"),
    ("MEDIA_HOSTS", "api.twilio.com:99999"),
    ("AGENT_DIAL", "call me"),
    ("AGENT_DIAL", "110"),
    ("OUTBOUND_CALLS", "sometimes"),
    ("OUTBOUND_CALLS", "1"),
    ("OUTBOUND_NUMBER", "1823"),
    ("OUTBOUND_NUMBER", "sip:desk@pbx"),
    ("SMTP_URL", "mail.example"),
    ("SMTP_URL", "http://mail.example"),
    ("SMTP_URL", "smtp://mail.example/inbox"),
    ("SMTP_URL", "smtp+plain://me:secret@mail.example"),
    ("MAIL_FROM", "the hotline"),
    ("SMS_FROM", "12345"),
    ("SMS_FROM", "a name that is too long"),
    ("CALLER_SMS", "sometimes"),
    ("CALLER_SMS", "on"),
    ("WEBHOOK_SECRETS", "bd"),
    ("WEBHOOK_SECRETS", "bd=whsec_c2hvcnQ="),
    ("WEBHOOK_SECRETS", "BD=whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ("WEBHOOK_SECRETS", "/nowhere/at/all"),
    ("WHISPER_MODEL", "enormous"),
    ("WHISPER_ENGINE", "crystal-ball"),
    ("WHISPER_URL", "speech.internal:8000"),
    ("WHISPER_URL", "ftp://speech.internal"),
    ("WHISPER_URL", "http://me:secret@speech.internal/v1"),
    ("WHISPER_URL", "http://speech.internal:port/v1"),
    ("WHISPER_KEY", "two words"),
    ("WHISPER_URL_PUBLIC", "perhaps"),
    ("WHISPER_WINDOWS", "french"),
    ("WHISPER_PROMPT", "shakespeare"),
    ("SECRET_KEY", "short"),
    ("DATA_KEY", "short"),
    ("LOG_FORMAT", "morse"),
    ("SPEECH_PROCESSES", "0"),
    ("SPEECH_PROCESSES", "65"),
    ("SPEECH_PROCESSES", "plenty"),
    ("WEB_PROCESSES", "many"),
    ("TRUSTED_PROXIES", "-1"),
    ("INSECURE_DEV_WEBHOOKS", "perhaps"),
    ("PHONE_ENABLED", "perhaps"),
    ("PHONE_SAMPLES", "/nowhere/at/all"),
    ("TOTP_ROLES", "admin;supervisor"),
]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's own environment or .env reaches these tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def settings(**chosen: object) -> Settings:
    return Settings(**{**SANE, **chosen})  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value"), NONSENSE)
def test_nonsense_stops_the_start_with_one_line_naming_the_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        Settings.load()
    line = capsys.readouterr().err
    assert stopped.value.code == os.EX_CONFIG == 78
    assert line.count("\n") == 1
    assert name in line


def test_every_setting_of_the_operators_contract_can_be_nonsense() -> None:
    free_text = {"STATE_DIR"}
    assert {name.upper() for name in Settings.model_fields} == {n for n, _ in NONSENSE} | free_text


@pytest.mark.parametrize("command", [["app.py"], ["worker.py"], ["worker.py", "watch"]])
def test_a_process_with_nonsense_ends_at_once_with_that_line(
    command: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env={**os.environ, "STATE_DIR": str(tmp_path), "PORT": "telephone"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == os.EX_CONFIG
    assert done.stderr.count("\n") == 1
    assert "PORT" in done.stderr


@pytest.mark.parametrize("value", ["http://[::1", "https://[not-an-address]", "https://"])
def test_an_address_that_cannot_be_read_is_nonsense_too(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", value)
    with pytest.raises(SettingsError, match="PUBLIC_BASE_URL"):
        Settings.read()


def test_a_line_about_a_setting_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://whistle:hunter2@localhost/whistle")
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    with pytest.raises(SettingsError) as error:
        Settings.read()
    assert "hunter2" not in str(error.value)


def test_with_nothing_set_everything_is_on_this_machine() -> None:
    chosen = settings()
    assert chosen.database_url == f"sqlite:///{chosen.state_dir}/whistle.sqlite3"
    assert chosen.recordings_url == f"file://{chosen.state_dir}/recordings"
    assert chosen.redis_url == ""
    assert (chosen.whisper_model, chosen.whisper_engine) == ("turbo", "openai-whisper")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_postgresql_means_the_same(scheme: str) -> None:
    chosen = settings(database_url=f"{scheme}://me:secret@host/whistle")
    assert chosen.database_url == "postgresql+psycopg://me:secret@host/whistle"


def test_the_machine_chooses_how_many_speech_processes_unless_somebody_does() -> None:
    assert settings().speech_processes == "auto"
    assert settings(speech_processes="3").speech_processes == 3


def test_media_hosts_are_a_comma_list() -> None:
    chosen = settings(media_hosts="api.twilio.com, CDN.example:8443 ,127.0.0.1:9000,")
    assert chosen.media_hosts == ("api.twilio.com", "cdn.example:8443", "127.0.0.1:9000")


def test_without_a_token_nobody_is_believed() -> None:
    with pytest.raises(SettingsError, match="TWILIO_AUTH_TOKEN is missing"):
        settings(twilio_auth_token="").require_signatures()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost"]
)
def test_the_development_switch_works_on_loopback(address: str) -> None:
    chosen = settings(twilio_auth_token="", insecure_dev_webhooks=True, public_base_url=address)
    chosen.require_signatures()
    assert chosen.bind.startswith("127.0.0.1:")


@pytest.mark.parametrize(
    "address",
    [
        "https://hotline.example",
        "http://192.168.1.2",
        "http://0.0.0.0:8000",
        "http://127.0.0.1.evil",
    ],
)
def test_the_development_switch_works_nowhere_else(address: str) -> None:
    with pytest.raises(SettingsError, match="loopback only"):
        settings(insecure_dev_webhooks=True, public_base_url=address).require_signatures()


def test_both_tokens_are_in_force_during_rotation() -> None:
    assert settings(twilio_auth_token_secondary="fedcba9876543210").auth_tokens == (
        "0123456789abcdef",
        "fedcba9876543210",
    )


def test_the_models_we_name_are_the_models_whisper_knows() -> None:
    whisper = pytest.importorskip("whisper")
    assert set(WHISPER_MODELS) == set(whisper.available_models())


def test_a_path_to_a_checkpoint_is_a_model() -> None:
    assert settings(whisper_model="demo/model/hotline.pt").whisper_model.endswith(".pt")


def test_a_server_knows_its_models_by_any_name() -> None:
    chosen = settings(
        whisper_engine="remote",
        whisper_url="http://speech.internal:8000/v1/",
        whisper_model="Qwen3-ASR",
    )
    assert chosen.whisper_model == "Qwen3-ASR"
    assert chosen.whisper_url == "http://speech.internal:8000/v1"


def test_the_engine_that_asks_a_server_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHISPER_ENGINE", "remote")
    with pytest.raises(SettingsError, match="WHISPER_ENGINE=remote needs WHISPER_URL"):
        Settings.read()


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        ({"smtp_url": "smtps://mail.example"}, "SMTP_URL and MAIL_FROM"),
        ({"mail_from": "hotline@city.example"}, "SMTP_URL and MAIL_FROM"),
        ({"sms_from": "+85212345678"}, "SMS_FROM needs TWILIO_ACCOUNT_SID"),
        ({"caller_sms": "on"}, "CALLER_SMS=on needs SMS_FROM"),
    ],
)
def test_a_way_to_tell_somebody_that_is_there_by_half_is_nonsense(
    chosen: dict[str, str], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        settings(**chosen)


KEY_OF_32 = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
KEY_OF_24 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_secrets_of_webhooks_stand_in_the_setting_or_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"# the new one first\nbd={KEY_OF_24}\n\nbd={KEY_OF_32}\nwsd={KEY_OF_32}\n")
    chosen = settings(webhook_secrets=str(file))
    assert {name: [len(key) for key in keys] for name, keys in chosen.webhook_keys.items()} == {
        "bd": [24, 32],
        "wsd": [32],
    }
    listed = settings(webhook_secrets=f"bd={KEY_OF_24}, bd={KEY_OF_32},wsd={KEY_OF_32}")
    assert listed.webhook_keys == chosen.webhook_keys
    assert settings().webhook_keys == {}


def test_a_line_about_a_webhooks_secret_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS", f"bd={KEY_OF_24},wsd=whsec_hunter2")
    with pytest.raises(SettingsError, match="WEBHOOK_SECRETS entry 2") as error:
        Settings.read()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("setting", "city", "texted"),
    [
        ("city", True, True),
        ("city", False, False),
        ("on", False, True),
        ("off", True, False),
    ],
)
def test_the_operator_overrules_the_city(setting: str, city: bool, texted: bool) -> None:
    account = {"sms_from": "City 1823", "twilio_account_sid": "AC1"}
    assert settings(**account, caller_sms=setting).texts_callers(city) is texted


@pytest.mark.parametrize(
    "address",
    [
        "smtp://mail.example",
        "smtp://me%40city:secret@mail.example:587",
        "smtps://mail.example:465",
        "smtp+plain://relay.internal:25",
        "smtp+plain://me:secret@127.0.0.1",
    ],
)
@pytest.mark.parametrize("sender", ["hotline@city.example", "City Hotline <hotline@city.example>"])
def test_mail_servers_and_senders(address: str, sender: str) -> None:
    assert settings(smtp_url=address, mail_from=sender).smtp_url == address
