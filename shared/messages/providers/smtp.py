"""E-mail through any SMTP server (RFC 5321), over TLS.

when it failed                                   | verdict
-------------------------------------------------|----------------------------------------
before the text was handed over                  | UnavailableError
while the server's word on the text was awaited  | UncertainError
4xx                                              | RetryableError (421: UnavailableError)
5xx to the log-in or our sender, no TLS          | UnavailableError, `account`: a matter of all mails, not of this one
5xx to the recipient or the text                 | PermanentError `smtp-recipient-refused`, `smtp-text-refused`
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as LINE_ENDS_OF_SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from shared import clock, shadow_mode
from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError, UncertainError
from shared.messages.attachments import Attachment
from shared.messages.providers import mail
from shared.messages.providers.mail import Email
from shared.setting_limits import CONNECT_SECONDS
from shared.settings import Settings, get_settings
from shared.vendors import answers
from shared.vendors.rest_client import kept, not_configured

if TYPE_CHECKING:
    from shared.messages.letter import Letter

TIMEOUT_SECONDS = 20.0
WIRE = LINE_ENDS_OF_SMTP.clone(cte_type="7bit")  # every server takes it
GOING_AWAY = 421
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Server:
    """Where e-mail is handed over, from the URL in the settings."""

    host: str
    port: int
    tls_from_start: bool
    user: str
    password: str

    @staticmethod
    def from_url(url: str) -> Server:
        """`smtp://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465`; escapes in user and password.

        Raises:
            PermanentError: `not-configured`, it is neither.
        """
        parts = urlsplit(url)
        secure = parts.scheme == "smtps"
        try:
            port = parts.port or (465 if secure else 587)
        except ValueError:
            port = 0
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not port:
            raise PermanentError("not-configured", "SMTP_URL must be smtp://user:password@host:port or smtps://...")
        return Server(parts.hostname, port, secure, unquote(parts.username or ""), unquote(parts.password or ""))


class Smtp:
    """Sends e-mail, each over a connection of its own. Shared by the process's threads."""

    def __init__(
        self, server: Server, sender: str, context: ssl.SSLContext | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self._server, self._timeout = server, timeout
        self._name, self._address = mail.sender(sender, "SMTP_FROM")
        self._context = context or ssl.create_default_context()

    @staticmethod
    def from_settings(settings: Settings, read_seconds: float = TIMEOUT_SECONDS) -> Smtp:
        """The process's client for that patience. Raises PermanentError `not-configured`."""
        if settings.smtp_url is None or not settings.smtp_from:
            raise not_configured("SMTP", "SMTP_URL", "SMTP_FROM")
        return kept(_client, settings.smtp_url.get_secret_value(), settings.smtp_from, read_seconds)

    def send(self, email: Email) -> str:
        """Hand over one e-mail; its Message-ID, which is made from the key: the same key, the same id.

        SMTP knows no idempotency. Mail servers and programs often drop a second message with the same Message-ID, but none
        promises it: after an UncertainError a person decides.
        """
        shadow_mode.refuse("smtp", "SMTP: a mail")
        message = self._message(email)
        self._with_connection(lambda connection: self._hand_over(connection, email.to, message))
        return str(message["Message-ID"])

    def ping(self) -> str:
        """The server's host, as a sign that it lets us in (RFC 5321: EHLO, STARTTLS and log-in as for a mail, then NOOP)."""
        self._with_connection(lambda connection: _expect(connection.noop(), "smtp-refused"))
        return self._server.host

    def _with_connection(self, use: Callable[[smtplib.SMTP], None]) -> None:
        """Greet, use the connection, take leave; what fails is told by the table above."""
        try:
            connection = self._connected()
            try:
                use(connection)
            finally:
                _leave(connection)
        except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
            raise UnavailableError(f"SMTP: the server greets with {error.smtp_code}") from None
        except smtplib.SMTPNotSupportedError:
            raise UnavailableError("SMTP: the server takes no log-in of our kind", account=True) from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error, _REASONS.get(type(error), "smtp-refused")) from None
        except (smtplib.SMTPException, OSError) as error:
            raise UnavailableError(f"SMTP: no connection to the server ({type(error).__name__})") from None

    def _message(self, email: Email) -> EmailMessage:
        message = EmailMessage(policy=WIRE)
        if not email.to.isascii():
            raise PermanentError("smtp-bad-address", "SMTP: an address beyond ASCII is not taken by every server on the way")
        try:
            message["From"] = Address(self._name, addr_spec=self._address)
            message["To"] = Address(email.to_name, addr_spec=email.to)
            message["Subject"] = email.subject
            message["Date"] = format_datetime(clock.now())
            message["Message-ID"] = f"<{email.key_digest[:40]}@{self._address.rpartition('@')[2]}>"
            if email.reply_to:
                message["Reply-To"] = Address(addr_spec=email.reply_to)
            for name, value in email.headers.items():
                message[name] = value
        except (ValueError, IndexError, MessageError) as error:  # a line end in a header, an address that is none
            raise PermanentError("smtp-bad-header", f"SMTP: a header cannot be written ({type(error).__name__})") from None
        message.set_content(email.text)
        if email.html:
            message.add_alternative(email.html, subtype="html")
        for one in email.attachments:
            _attach(message, one)
        return message

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.tls_from_start:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout, context=self._context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            self._greet(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _greet(self, connection: smtplib.SMTP) -> None:
        server = self._server
        connection.ehlo_or_helo_if_needed()
        if not server.tls_from_start and connection.has_extn("starttls"):
            connection.starttls(context=self._context)
            connection.ehlo()
        elif not server.tls_from_start and server.host not in _LOOPBACK:
            raise UnavailableError("SMTP: the server offers no TLS, and nothing is sent without", account=True)
        if server.user:
            connection.login(server.user, server.password)

    def _hand_over(self, connection: smtplib.SMTP, to: str, message: EmailMessage) -> None:
        _expect(connection.mail(self._address), "smtp-sender-refused")
        _expect(connection.rcpt(to), "smtp-recipient-refused")
        # After the text's last line the server may have taken it, whatever happens to its answer.
        try:
            answer = connection.data(message.as_bytes())
        except smtplib.SMTPResponseException:
            raise  # it did not even want the text
        except (smtplib.SMTPException, OSError) as error:
            raise UncertainError(f"SMTP: no word on whether the text was taken ({type(error).__name__})") from None
        _expect(answer, "smtp-text-refused")


_OF_ALL_MAILS = frozenset({"smtp-access-denied", "smtp-sender-refused"})
_REASONS: dict[type, str] = {
    smtplib.SMTPAuthenticationError: "smtp-access-denied",
    smtplib.SMTPDataError: "smtp-text-refused",
}


def _attach(message: EmailMessage, file: Attachment) -> None:
    """Add a file. A calendar's part keeps its method, by which programs know an invitation (RFC 6047)."""
    header = EmailMessage()
    header["Content-Type"] = file.content_type
    kind = header["Content-Type"]
    parameters = {name: value for name, value in kind.params.items() if name != "charset"}
    if kind.maintype == "text":
        text = file.content.decode()
        message.add_attachment(text, subtype=kind.subtype, filename=file.name, charset="utf-8", params=parameters)
    else:
        maintype, subtype = kind.maintype, kind.subtype
        message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=file.name, params=parameters)


def _expect(answer: tuple[int, bytes], reason: str) -> None:
    code, text = answer
    if code // 100 != 2:  # noqa: PLR2004  # 2xx is a yes in SMTP
        raise _refusal(code, text, reason)


def _refusal(code: int, text: bytes | str, reason: str) -> PuenteError:
    answer = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    words = f"SMTP: the server answered {code} {answers.clean(answer)}"
    if code == GOING_AWAY:
        return UnavailableError(words)
    if code // 100 == 5 and reason in _OF_ALL_MAILS:  # noqa: PLR2004  # 5xx: never
        return UnavailableError(words, account=True)
    return RetryableError(words) if code // 100 == 4 else PermanentError(reason, words)  # noqa: PLR2004  # 4xx: not now


def _leave(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()  # the text is handed over, or lost, already


def _client(url: str, sender: str, timeout: float) -> Smtp:
    return Smtp(Server.from_url(url), sender, timeout=timeout)


class SmtpSystem:
    """The mail server as the health report and the lease of deliveries know it."""

    name = "SMTP"
    has_ping = True
    # Greeting, encryption, log-in (three answers), sender, recipient, content, farewell: each waits by itself.
    WAITS = 9

    def is_used(self, settings: Settings | None = None) -> bool:
        """Whether it is set up."""
        return (settings or get_settings()).smtp_url is not None

    def ping(self, seconds: float | None = None) -> str:
        """The server's host. Raises PuenteError: it does not let us in."""
        return Smtp.from_settings(get_settings(), seconds or TIMEOUT_SECONDS).ping()

    def longest_seconds(self, settings: Settings | None = None) -> float:
        """The longest that one mail may take."""
        del settings
        return self.WAITS * (CONNECT_SECONDS + TIMEOUT_SECONDS)


SMTP = SmtpSystem()


def send(letter: Letter) -> dict[str, Any]:
    """A mail through an SMTP server. Where its answer is not known a person decides."""
    return {"id": Smtp.from_settings(letter.settings).send(letter.email())}
