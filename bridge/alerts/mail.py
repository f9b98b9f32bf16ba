"""An alert as an e-mail, handed to a server over STARTTLS."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

import orjson

from bridge.alerts.channel import tried
from bridge.domain.values import Hex32
from bridge.domain.watching import Mail
from bridge.errors import Refused, Unreachable

_REFUSALS = (
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPSenderRefused,
    ssl.SSLError,
)
_PASSES = range(400, 500)
"""SMTP's codes for what may go well later."""


class MailChannel:
    """`name`: the channel's, which alone is ever shown of it."""

    def __init__(self, name: str, mail: Mail, password: str | None) -> None:
        self._who = f"mail {name}"
        self._mail = mail
        self._password = password

    def __repr__(self) -> str:
        return f"MailChannel({self._who})"

    def send(self, alert_id: Hex32, body: str) -> None:
        message = letter(self._mail, alert_id, body)
        tried(self._mail.tries, self._mail.answer_seconds, lambda: self._hand_over(message), self._who)

    def _hand_over(self, message: EmailMessage) -> None:
        mail = self._mail
        try:
            with smtplib.SMTP(mail.host, mail.port, timeout=mail.answer_seconds) as server:
                if mail.starttls:
                    server.starttls(context=ssl.create_default_context(cafile=str(mail.ca) if mail.ca else None))
                if mail.user is not None and self._password is not None:
                    server.login(mail.user, self._password)
                server.send_message(message)
        except _REFUSALS as error:
            if any(code in _PASSES for code in _codes(error)):
                raise Unreachable(f"{self._who}: its server cannot take it now") from None
            raise Refused(f"{self._who}: its server refuses ({type(error).__name__}); look at its section") from None
        except smtplib.SMTPResponseException as error:
            kind = Unreachable if error.smtp_code in _PASSES else Refused
            raise kind(f"{self._who}: its server does not take it (SMTP {error.smtp_code})") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Unreachable(f"{self._who}: its server did not answer ({type(error).__name__})") from None


def letter(mail: Mail, alert_id: Hex32, body: str) -> EmailMessage:
    """The same alert is the same message, so that mail programs show it once."""
    told = orjson.loads(body)
    message = EmailMessage()
    message["Subject"] = " ".join(str(told["subject"]).split())
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Date"] = formatdate(told["at"])
    message["Message-ID"] = f"<{alert_id}@carbonbridge.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(str(told["text"]))
    return message


def _codes(error: Exception) -> list[int]:
    match error:
        case smtplib.SMTPRecipientsRefused():
            return [int(code) for code, _ in error.recipients.values()]
        case smtplib.SMTPResponseException():
            return [int(error.smtp_code)]
        case _:
            return []
