"""SMTP, against a real server on this machine, with TLS and without, that refuses and hangs up as told."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError, UncertainError
from shared.messages.providers.mail import Email
from shared.messages.providers.smtp import Server, Smtp

ANA = Email(
    key="lead:1/welcome",
    to="ana@example.com",
    to_name="Ana Ñúñez",
    subject="¡Hola, Ana! " + "muy " * 40 + "largo",
    text="Hola.\n.una línea con punto\n" + "ñ" * 1200,
    html="<p>Hola ☀</p>",
    reply_to="equipo@example.com",
    headers={"List-Unsubscribe": "<https://x.example/u?t=1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
)


class Mailbox:
    """Keeps what it is given; `answers` replaces the server's word after a command, None hangs up instead."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, list[str], bytes]] = []
        self.answers: dict[str, str | None] = {}

    def _say(self, server: SMTP, command: str) -> str:
        answer = self.answers.get(command, "250 OK")
        if answer is None:
            server.transport.close()
            return "250 OK"
        return answer

    async def handle_MAIL(self, server: SMTP, _s: Session, envelope: Envelope, sender: str, _o: list[str]) -> str:  # noqa: N802
        envelope.mail_from = sender
        return self._say(server, "MAIL")

    async def handle_RCPT(self, server: SMTP, _s: Session, envelope: Envelope, to: str, _o: list[str]) -> str:  # noqa: N802
        envelope.rcpt_tos.append(to)
        return self._say(server, "RCPT")

    async def handle_DATA(self, server: SMTP, _s: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.kept.append((str(envelope.mail_from), envelope.rcpt_tos, envelope.content))
        return self._say(server, "DATA")

    async def handle_QUIT(self, server: SMTP, _s: Session, _e: Envelope) -> str:  # noqa: N802
        return self._say(server, "QUIT")

    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.kept[-1][2], policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain, encoding = serialization.NoEncryption(), serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(encoding))
    return path


class FreePort(Controller):
    """Listens where the system finds room."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


type Start = Callable[..., FreePort]


@pytest.fixture
def start(mailbox: Mailbox) -> Iterator[Start]:
    """Starts servers, and stops them at the end."""
    running: list[FreePort] = []

    def begin(**options: Any) -> FreePort:
        running.append(FreePort(mailbox, hostname="127.0.0.1", port=0, **options))
        running[-1].start()
        return running[-1]

    yield begin
    for controller in running:
        controller.stop()


def smtp(controller: FreePort, user: str = "", context: ssl.SSLContext | None = None) -> Smtp:
    return Smtp(Server("localhost", controller.port, False, user, "p@ss"), "Javier <hola@empresa.example>", context)


def test_one_email(start: Start, mailbox: Mailbox) -> None:
    """Both parts, every header, any letter and a line that begins with a dot arrive as they were."""
    message_id = smtp(start()).send(ANA)
    sender, recipients, raw = mailbox.kept[0]
    assert (sender, recipients) == ("hola@empresa.example", ["ana@example.com"])
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = mailbox.message()
    assert message["From"] == "Javier <hola@empresa.example>"
    assert message["To"].addresses[0].display_name == "Ana Ñúñez"
    assert message["Subject"] == ANA.subject
    assert message["Date"].datetime == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert message["Reply-To"] == "equipo@example.com"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Message-ID"] == message_id == f"<{ANA.key_digest[:40]}@empresa.example>"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text
    assert html
    assert text.get_content().rstrip("\r\n").replace("\r\n", "\n") == ANA.text
    assert html.get_content().strip() == ANA.html


def test_text_alone(start: Start, mailbox: Mailbox) -> None:
    """Without HTML there is one part."""
    smtp(start()).send(Email(key="k", to="ana@example.com", subject="Hola", text="Hola"))
    assert mailbox.message().get_content_type() == "text/plain"


@pytest.mark.parametrize(
    ("command", "answer", "error", "reason"),
    [
        ("MAIL", "550 5.7.1 not you", UnavailableError, None),
        ("RCPT", "550 5.1.1 ana@example.com unknown", PermanentError, "smtp-recipient-refused"),
        ("RCPT", "451 greylisted", RetryableError, None),
        ("DATA", "554 spam", PermanentError, "smtp-text-refused"),
        ("DATA", "452 no room", RetryableError, None),
        ("RCPT", "421 going away", UnavailableError, None),
        ("MAIL", None, UnavailableError, None),
        ("DATA", None, UncertainError, None),
    ],
)
def test_each_refusal_is_judged(
    start: Start, mailbox: Mailbox, command: str, answer: str | None, error: type[PuenteError], reason: str | None
) -> None:
    """Not now, never, or of unknown outcome once the text was handed over."""
    mailbox.answers[command] = answer
    with pytest.raises(error) as caught:
        smtp(start()).send(ANA)
    assert type(caught.value) is error
    assert getattr(caught.value, "reason", None) == reason
    assert "ana@" not in str(caught.value)


def test_a_server_that_is_rude_at_the_end(start: Start, mailbox: Mailbox) -> None:
    """The text was taken; what comes after it does not matter."""
    mailbox.answers["QUIT"] = None
    assert smtp(start()).send(ANA)
    assert len(mailbox.kept) == 1


def test_nobody_listens() -> None:
    """The system is down; the e-mail is blameless."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        Smtp(Server("127.0.0.1", port, False, "", ""), "hola@empresa.example").send(ANA)


def tls(certificate: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate)
    return ours, ssl.create_default_context(cafile=str(certificate))


def log_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data.password == b"p@ss" and data.login == b"me", handled=False)


def test_starttls_and_log_in(start: Start, mailbox: Mailbox, certificate: Path) -> None:
    """Where the server offers it; a wrong password is said as such, and so is a certificate that nobody vouches for."""
    served, trusting = tls(certificate)
    controller = start(tls_context=served, require_starttls=True, authenticator=log_in, auth_required=True)
    assert smtp(controller, "me", trusting).send(ANA)
    assert len(mailbox.kept) == 1
    with pytest.raises(UnavailableError, match="535") as caught:
        smtp(controller, "you", trusting).send(ANA)
    assert caught.value.account
    with pytest.raises(UnavailableError, match="SSLCertVerificationError"):
        smtp(controller, "me").send(ANA)
    assert len(mailbox.kept) == 1


def test_tls_from_the_start(start: Start, mailbox: Mailbox, certificate: Path) -> None:
    """As `smtps://` has it."""
    served, trusting = tls(certificate)
    controller = start(ssl_context=served)
    Smtp(Server("localhost", controller.port, True, "", ""), "hola@empresa.example", trusting).send(ANA)
    assert len(mailbox.kept) == 1


def test_a_server_without_log_in(start: Start, mailbox: Mailbox) -> None:
    """A user in the settings that the server has no use for."""
    with pytest.raises(UnavailableError, match="no log-in") as caught:
        smtp(start(), "me").send(ANA)
    assert caught.value.account


def test_beyond_this_machine_nothing_goes_without_tls(start: Start, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that offers none, or somebody between who hides its offer, gets nothing."""
    monkeypatch.setattr("shared.messages.providers.smtp._LOOPBACK", ())
    with pytest.raises(UnavailableError, match="no TLS") as caught:
        smtp(start()).send(ANA)
    assert caught.value.account
    assert not mailbox.kept


@pytest.mark.parametrize(
    "changes",
    [{"to": "ana@example.com\r\nRCPT TO:<x@y.z>"}, {"to": "ana"}, {"to": ""}, {"to": "ñ@example.com"}, {"subject": "a\nb"}],
)
def test_an_address_or_header_that_is_none(start: Start, mailbox: Mailbox, changes: dict[str, str]) -> None:
    """Nothing of it reaches the server."""
    with pytest.raises(PermanentError, match="SMTP"):
        smtp(start()).send(Email(**({"key": "k", "to": "a@b.example", "subject": "s", "text": "t"} | changes)))  # type: ignore[arg-type]
    assert not mailbox.kept


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://me:p%40ss@mail.example", Server("mail.example", 587, False, "me", "p@ss")),
        ("smtps://mail.example", Server("mail.example", 465, True, "", "")),
        ("smtp://127.0.0.1:2525", Server("127.0.0.1", 2525, False, "", "")),
    ],
)
def test_the_servers_address(url: str, server: Server) -> None:
    """Ports by their custom, escapes read."""
    assert Server.from_url(url) == server


@pytest.mark.parametrize("url", ["mail.example:25", "http://mail.example", "smtp://", "smtp://mail.example:port"])
def test_what_is_no_address_of_a_server(url: str) -> None:
    """It is said before the first e-mail."""
    with pytest.raises(PermanentError, match="SMTP_URL"):
        Server.from_url(url)
