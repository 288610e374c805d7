"""E-mail by SMTP, encrypted wherever it leaves this machine."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from cases.letters import Letter, NotSent, Receipt
from runtime.settings import is_loopback

PATIENCE = 15.0
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


@dataclass(frozen=True)
class Mail:
    """The server that takes our mail (`SMTP_URL`), and who it comes from."""

    url: str
    sender: str

    def send(self, letter: Letter) -> Receipt:
        """Hand one letter to the server. Raises NotSent."""
        message = self.message(letter)
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise NotSent(_why(error), response_status=_code(error)) from error
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise NotSent(
                f"the address was refused: {code}", response_status=code, for_good=500 <= code < 600
            ) from error
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise NotSent(_why(error), response_status=_code(error)) from error
        finally:
            # What the server has taken is sent, however we part.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()
        return Receipt(250)

    def message(self, letter: Letter) -> EmailMessage:
        """The mail. Sent again it is the same mail, by its Message-ID."""
        message = EmailMessage(POLICY)
        message["From"] = self.sender
        message["To"] = letter.address.at
        message["Subject"] = letter.text.subject
        message["Date"] = format_datetime(letter.at)
        message["Message-ID"] = f"<{letter.key}@{parseaddr(self.sender)[1].rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text.body)
        return message

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        context = ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=PATIENCE)
        try:
            if parts.scheme == "smtp" and not is_loopback(host):
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:
            server.close()
            raise
        return server


def _code(error: Exception) -> int | None:
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None


def _why(error: Exception) -> str:
    """What went wrong, without the server's own words: they repeat addresses."""
    code = _code(error)
    name = type(error).__name__
    return f"the mail server: {name}" + (f" {code}" if code else "")
