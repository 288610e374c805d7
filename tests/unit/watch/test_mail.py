"""Mail reaches its server encrypted, can be known again, and is never believed lost when it was taken."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cases.contacts import Address
from cases.letters import Letter, NotSent
from cases.wording import Text
from tests.support.receivers import MailServer
from watch.mail import Mail

AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
SENDER = "City Hotline <hotline@city.example>"
LETTER = Letter(
    "msg_1",
    AT,
    Address("duty@bd.example", "yue", "duty@bd.example"),
    Text("吹哨：個案 260000011", "個案 260000011 已吹哨。\nhttps://x", "s"),
    {},
)


@pytest.fixture
def server() -> MailServer:
    return MailServer()


def mail(port: int, scheme: str = "smtp", user: str = "", host: str = "127.0.0.1") -> Mail:
    return Mail(f"{scheme}://{user}{host}:{port}", SENDER)


def test_a_mail_is_taken_and_reads_as_written(server: MailServer) -> None:
    with server.running() as port:
        assert mail(port).send(LETTER).response_status == 250
    (got,) = server.got
    assert (got["To"], got["From"]) == ("duty@bd.example", SENDER)
    assert got["Subject"] == LETTER.text.subject
    assert got.get_content().splitlines() == LETTER.text.body.splitlines()
    assert got["Auto-Submitted"] == "auto-generated"


def test_sent_again_it_is_the_same_mail(server: MailServer) -> None:
    with server.running() as port:
        mail(port).send(LETTER)
        mail(port).send(LETTER)
    first, second = server.got
    assert first["Message-ID"] == second["Message-ID"] == "<msg_1@city.example>"
    assert first["Date"] == second["Date"]


def test_who_has_a_password_gives_it(server: MailServer) -> None:
    with server.running() as port:
        mail(port, user="me%40city:right@").send(LETTER)
        with pytest.raises(NotSent, match="SMTPAuthenticationError 535") as no:
            mail(port, user="me:wrong@").send(LETTER)
    assert (server.logins[0], server.logins[-1]) == (("me@city", "right"), ("me", "wrong"))
    # A password is mended; an address that is refused is not.
    assert not no.value.for_good


def test_an_address_that_there_is_not_is_given_up(server: MailServer) -> None:
    server.refuses = ["550 <duty@bd.example> unknown"]
    with server.running() as port, pytest.raises(NotSent) as no:
        mail(port).send(LETTER)
    assert (no.value.for_good, no.value.response_status) == (True, 550)
    assert "duty@bd.example" not in str(no.value)


def test_a_mailbox_that_is_full_is_tried_again(server: MailServer) -> None:
    server.refuses = ["452 full"]
    with server.running() as port, pytest.raises(NotSent) as no:
        mail(port).send(LETTER)
    assert (no.value.for_good, no.value.response_status) == (False, 452)


def test_a_server_that_does_not_take_it_is_tried_again(server: MailServer) -> None:
    server.refuses_data = ["451 not now"]
    with server.running() as port, pytest.raises(NotSent, match="SMTPDataError 451"):
        mail(port).send(LETTER)


class RudeAtTheEnd(SMTP):
    async def smtp_QUIT(self, arg: str) -> None:
        await self.push("421 I had enough")
        assert self.transport is not None
        self.transport.close()


def test_what_was_taken_is_sent_however_the_server_says_goodbye(server: MailServer) -> None:
    with server.running() as port:
        import aiosmtpd.controller as controller

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(controller, "SMTP", RudeAtTheEnd)
            assert mail(port).send(LETTER).response_status == 250
    assert len(server.got) == 1


def test_a_server_elsewhere_that_cannot_encrypt_gets_nothing(server: MailServer) -> None:
    # By this name it is not known to be this machine.
    with server.running() as port, pytest.raises(NotSent, match="SMTPNotSupportedError"):
        mail(port, host="127.1").send(LETTER)
    assert server.got == []


def test_unencrypted_is_a_choice(server: MailServer) -> None:
    with server.running() as port:
        mail(port, "smtp+plain", host="127.1").send(LETTER)
    assert len(server.got) == 1


def test_nobody_there_is_tried_again() -> None:
    with pytest.raises(NotSent, match=r"^the mail server: ConnectionRefusedError$"):
        mail(1).send(LETTER)


def test_encrypted_from_the_start_and_only_by_a_known_certificate(
    server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with server.running(ssl_context=context) as port:
        with pytest.raises(NotSent, match="SSLCertVerificationError"):
            mail(port, "smtps").send(LETTER)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        mail(port, "smtps").send(LETTER)
    assert len(server.got) == 1


def test_starttls_before_anything_is_said(
    server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr("watch.mail.is_loopback", lambda host: False)
    with server.running(tls_context=context, require_starttls=True) as port:
        mail(port, user="me:right@").send(LETTER)
    assert len(server.got) == 1


def _certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "mail.pem"
    file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return file
