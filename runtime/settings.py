"""Settings come from the environment or `.env`. Nonsense in one of them stops the start.

Every name, its meaning and its default is documented in docs/settings.md.
"""

import base64
import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, NoReturn, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# openai-whisper 20250625's list; a test holds it against whisper.available_models().
WHISPER_MODELS = (
    *("tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium"),
    *("large-v1", "large-v2", "large-v3", "large", "large-v3-turbo", "turbo"),
)
CITIES = Path(__file__).resolve().parent.parent / "cities"
DEFAULT_CITY = (CITIES / "default").read_text().strip()
SQLITE_FILE = "whistle.sqlite3"


class SettingsError(Exception):
    """A setting that cannot be used; the message names it and says what would do."""


def _secret(value: str) -> str:
    if value and len(value) < 16:
        raise ValueError("is too short: use at least 16 random characters")
    return value


def _token(value: str) -> str:
    if re.search(r"\s", value):
        raise ValueError("must not hold blanks")
    return value


def _address(value: str) -> SplitResult:
    """The parts of a URL. Raises ValueError for a port that is none, or brackets left open."""
    parts = urlsplit(value)
    if parts.port == 0:
        raise ValueError("names port 0")
    return parts


def _database(value: str) -> str:
    scheme = value.split("://", 1)[0]
    if value and scheme not in {"sqlite", "postgresql", "postgres", "postgresql+psycopg"}:
        raise ValueError("must begin with sqlite:/// or postgresql://")
    if scheme != "sqlite" and value and not _address(value).path.strip("/"):
        raise ValueError("names no database: postgresql://user:password@host/name")
    return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", value)


def _redis(value: str) -> str:
    if not value:
        return value
    parts = _address(value)
    if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.hostname or parts.path):
        raise ValueError("must look like redis://host:6379/0, rediss://... or unix:///path")
    return value


def _base_url(value: str) -> str:
    parts = _address(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be the address the provider calls, such as https://hotline.example")
    if parts.query or parts.fragment:
        raise ValueError("must not contain ? or #")
    return value.rstrip("/")


def _dial(value: str) -> str:
    if value and not re.fullmatch(r"\+[1-9]\d{6,14}|sips?:[^\s<>\"']+@[^\s<>\"']+", value):
        raise ValueError("must be a number such as +85212345678 or an address such as sip:desk@pbx")
    return value


def _number(value: str) -> str:
    if value and not re.fullmatch(r"\+[1-9]\d{6,14}", value):
        raise ValueError("must be a number such as +85212345678")
    return value


def _sender(value: str) -> str:
    if value and not re.fullmatch(
        r"\+[1-9]\d{6,14}|MG[0-9a-f]{32}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}", value
    ):
        raise ValueError(
            "must be a number such as +85212345678, a name of up to 11 letters, or a service MG..."
        )
    return value


def _mail_server(value: str) -> str:
    if not value:
        return value
    parts = _address(value)
    if parts.scheme not in {"smtp", "smtps", "smtp+plain"} or not parts.hostname:
        raise ValueError("must look like smtp://user:password@mail.example:587 or smtps://...")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must end with the host or its port")
    if parts.scheme == "smtp+plain" and parts.username and not is_loopback(parts.hostname):
        raise ValueError("would send the password unencrypted: use smtp:// or smtps://")
    return value


def _mailbox(value: str) -> str:
    address = r"[\w.+-]+@[\w-]+(\.[\w-]+)*"
    if value and not re.fullmatch(rf'{address}|[^<>\r\n"]+<{address}>', value, re.ASCII):
        raise ValueError("must be an address such as hotline@city.example")
    return value


def _webhook_secrets(value: str) -> str:
    """`name=whsec_...` entries, or a file with one on each line; the entries, comma between them."""
    if value.startswith("/"):
        try:
            lines = Path(value).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot be read: {type(error).__name__}") from error
        value = ",".join(line for line in lines if not line.lstrip().startswith("#"))
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    for entry in entries:
        name, _, secret = entry.partition("=")
        # By number and not by words: an entry is a secret.
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or webhook_key(secret) is None:
            at = entries.index(entry) + 1
            raise ValueError(f"entry {at} is not name=whsec_ and 24 to 64 bytes in base64")
    return ",".join(entries)


def webhook_key(secret: str) -> bytes | None:
    """The bytes of a Standard Webhooks secret (`whsec_` and base64); None if it is none."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return None
    return key if secret.startswith("whsec_") and 24 <= len(key) <= 64 else None


def _model(value: str) -> str:
    looks_like_path = "/" in value or value.endswith(".pt")
    if not looks_like_path and value not in WHISPER_MODELS:
        raise ValueError(f"is neither a file nor one of: {', '.join(WHISPER_MODELS)}")
    return value


def _speech_server(value: str) -> str:
    if not value:
        return value
    parts = _address(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must look like http://speech.internal:8000/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must hold neither user, nor ?, nor #; a key is WHISPER_KEY")
    return value.rstrip("/")


def _recordings(value: str) -> str:
    if value and not re.match(r"(file|memory)://.|s3://[^/]", value):
        raise ValueError("must begin with file:// or s3:// and say where")
    if value.startswith("s3://") and find_spec("s3fs") is None:
        raise ValueError("needs the package s3fs: pip install -e '.[s3]'")
    return value


def _processes(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and 1 <= value <= 64):
        return value
    if isinstance(value, str) and value.isdecimal() and 1 <= int(value) <= 64:
        return int(value)
    raise ValueError("must be auto or a number from 1 to 64")


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def media_host(entry: str) -> str:
    """Check one `host[:port]` entry of MEDIA_HOSTS and return it in lower case."""
    host = entry.strip().lower()
    if not re.fullmatch(r"(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?", host):
        raise ValueError(f"holds {entry!r}, which is not host or host:port")
    _address(f"//{host}")
    return host


class Settings(BaseSettings):
    """Everything an operator can choose. Field names are the variables, in lower case."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    city: str = DEFAULT_CITY
    database_url: Annotated[str, AfterValidator(_database)] = ""
    redis_url: Annotated[str, AfterValidator(_redis)] = ""
    recordings_url: Annotated[str, AfterValidator(_recordings)] = ""
    public_base_url: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    provider: Literal["twilio", "somleng"] = "twilio"
    provider_api_url: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: Annotated[str, AfterValidator(_token)] = ""
    twilio_auth_token_secondary: Annotated[str, AfterValidator(_token)] = ""
    media_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    agent_dial: Annotated[str, AfterValidator(_dial)] = ""
    outbound_calls: bool = False
    outbound_number: Annotated[str, AfterValidator(_number)] = ""
    smtp_url: Annotated[str, AfterValidator(_mail_server)] = ""
    mail_from: Annotated[str, AfterValidator(_mailbox)] = ""
    sms_from: Annotated[str, AfterValidator(_sender)] = ""
    caller_sms: Literal["city", "on", "off"] = "city"
    webhook_secrets: Annotated[str, AfterValidator(_webhook_secrets)] = ""
    phone_enabled: bool = False
    phone_samples: Path | None = None
    whisper_model: Annotated[str, Field(min_length=1)] = "turbo"
    whisper_engine: Literal["openai-whisper", "faster-whisper", "remote"] = "openai-whisper"
    whisper_url: Annotated[str, AfterValidator(_speech_server)] = ""
    whisper_url_public: bool = False
    whisper_key: Annotated[str, AfterValidator(_token)] = ""
    whisper_windows: Literal["full", "cut"] = "full"
    whisper_prompt: Literal["off", "names"] = "off"
    totp_roles: Annotated[tuple[str, ...] | None, NoDecode] = None
    secret_key: Annotated[str, AfterValidator(_secret)] = ""
    data_key: Annotated[str, AfterValidator(_secret)] = ""
    speech_processes: Annotated[Literal["auto"] | int, BeforeValidator(_processes)] = "auto"
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = 0
    web_processes: Annotated[int, Field(ge=1, le=64)] = 2
    log_format: Literal["text", "json"] = "text"
    state_dir: Path = Path("var")
    insecure_dev_webhooks: bool = False

    @field_validator("media_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(media_host(entry) for entry in value.split(",") if entry.strip())
        return value

    @field_validator("totp_roles", mode="before")
    @classmethod
    def _split_roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        roles = tuple(role.strip() for role in value.split(",") if role.strip())
        if odd := [role for role in roles if not re.fullmatch("[a-z_]+", role)]:
            raise ValueError(f"has {odd[0]!r}, which names no role")
        return roles

    @field_validator("twilio_account_sid")
    @classmethod
    def _account(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", value):
            raise ValueError("holds characters an account id never has")
        return value

    @field_validator("provider_api_url")
    @classmethod
    def _api_url(cls, value: str) -> str:
        return _base_url(value) if value else value

    @field_validator("city")
    @classmethod
    def _city_folder(cls, value: str) -> str:
        folder = Path(value) if "/" in value else CITIES / value
        if not (folder / "city.yaml").is_file():
            known = ", ".join(sorted(p.parent.name for p in CITIES.glob("*/city.yaml")))
            raise ValueError(f"has no folder with a city.yaml; shipped cities: {known}")
        return value

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        base = self.public_base_url or f"http://127.0.0.1:{self.port}"
        try:
            base = _base_url(base)
        except ValueError as error:
            raise ValueError(f"PUBLIC_BASE_URL {error}") from error
        state = self.state_dir.resolve()
        object.__setattr__(self, "public_base_url", base)
        object.__setattr__(self, "state_dir", state)
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{state / SQLITE_FILE}")
        if not self.recordings_url:
            object.__setattr__(self, "recordings_url", f"file://{state / 'recordings'}")
        return self

    @model_validator(mode="after")
    def _ringing_back(self) -> Self:
        """Switched on by half it would ring nobody, and nobody would know why."""
        if not self.outbound_calls:
            return self
        for name in ("outbound_number", "twilio_account_sid", "twilio_auth_token"):
            if not getattr(self, name):
                raise ValueError(f"OUTBOUND_CALLS=1 needs {name.upper()}")
        return self

    @field_validator("phone_samples", mode="before")
    @classmethod
    def _samples(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _browser_phone(self) -> Self:
        """A browser gives its microphone to https alone, and the recordings are fetched by it."""
        secure = self.public_base_url.startswith("https://")
        if self.phone_enabled and not secure and not self.is_of_this_machine:
            raise ValueError("PHONE_ENABLED=1 needs a PUBLIC_BASE_URL with https://")
        if self.phone_samples and not (self.phone_samples / "calls.yaml").is_file():
            raise ValueError("PHONE_SAMPLES has no calls.yaml")
        return self

    @model_validator(mode="after")
    def _notifying(self) -> Self:
        """A way that is there by half would send nothing, and nobody would know why."""
        if bool(self.smtp_url) != bool(self.mail_from):
            raise ValueError("SMTP_URL and MAIL_FROM need one another")
        account = self.twilio_account_sid and self.twilio_auth_token
        if self.sms_from and not account:
            raise ValueError("SMS_FROM needs TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
        if self.caller_sms == "on" and not self.sms_from:
            raise ValueError("CALLER_SMS=on needs SMS_FROM")
        return self

    @model_validator(mode="after")
    def _speech(self) -> Self:
        """A server knows its models by any name; here it is a name of Whisper's, or a file."""
        if self.whisper_engine == "remote":
            if not self.whisper_url:
                raise ValueError("WHISPER_ENGINE=remote needs WHISPER_URL, the server to ask")
            return self
        try:
            _model(self.whisper_model)
        except ValueError as error:
            raise ValueError(f"WHISPER_MODEL {error}") from error
        return self

    @property
    def two_factor_roles(self) -> frozenset[str]:
        """Whose sign-in needs a code from a telephone besides the password. Unless it is said otherwise:
        admins'; and nobody's where the hotline answers on this machine alone, to be tried out."""
        if self.totp_roles is not None:
            return frozenset(self.totp_roles)
        return frozenset() if self.is_of_this_machine else frozenset({"admin"})

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it is a hotline for trying things: its public address is loopback."""
        return is_loopback(urlsplit(self.public_base_url).hostname or "")

    @property
    def city_folder(self) -> Path:
        return Path(self.city) if "/" in self.city else CITIES / self.city

    def texts_callers(self, city_does: bool) -> bool:
        """Whether callers get text messages, where the city itself says so or not."""
        return self.caller_sms == "on" or (self.caller_sms == "city" and city_does)

    @property
    def webhook_keys(self) -> Mapping[str, tuple[bytes, ...]]:
        """The keys that webhooks are signed with, by name; several during rotation, the newest first."""
        keys: dict[str, tuple[bytes, ...]] = {}
        for entry in filter(None, self.webhook_secrets.split(",")):
            name, _, secret = entry.partition("=")
            keys[name] = (*keys.get(name, ()), webhook_key(secret) or b"")
        return keys

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """The tokens a webhook may be signed with: the present one, and the next during rotation."""
        return tuple(t for t in (self.twilio_auth_token, self.twilio_auth_token_secondary) if t)

    def require_signatures(self) -> None:
        """Refuse to run a web server that would believe anybody.

        Raises SettingsError without a token, unless the development switch is on, and with the
        switch on anywhere but on loopback.
        """
        if self.insecure_dev_webhooks:
            if not self.is_of_this_machine:
                raise SettingsError(
                    "INSECURE_DEV_WEBHOOKS accepts unsigned webhooks and works on loopback only: "
                    f"PUBLIC_BASE_URL is {self.public_base_url}"
                )
        elif not self.twilio_auth_token:
            raise SettingsError(
                "TWILIO_AUTH_TOKEN is missing: without it nobody's webhook can be believed "
                "(for development on this machine alone: INSECURE_DEV_WEBHOOKS=1)"
            )

    @property
    def bind(self) -> str:
        """Address and port the web server listens on."""
        return f"{'127.0.0.1' if self.insecure_dev_webhooks else '0.0.0.0'}:{self.port}"

    @classmethod
    def read(cls) -> "Settings":
        """Read environment and `.env`. Raises SettingsError naming the first wrong setting."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_one_line(error)) from error

    @classmethod
    def load(cls) -> "Settings":
        """`read()` for a process that starts: on nonsense, print one clear line and exit 78 (EX_CONFIG)."""
        try:
            settings = cls.read()
            settings.state_dir.mkdir(parents=True, exist_ok=True)
        except SettingsError as error:
            stop(error)
        except OSError as error:
            stop(SettingsError(f"STATE_DIR cannot be made: {error}"))
        return settings


def stop(error: Exception) -> NoReturn:
    """End the process with one line for the operator."""
    print(f"whistle: {error}", file=sys.stderr)
    sys.exit(os.EX_CONFIG)


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    what = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return what
    return f"{str(first['loc'][0]).upper()} {what[0].lower()}{what[1:]}"
