"""A mail server as a vendor of the sandbox: what is handed over by SMTP stands in the inbox, and goes no further."""

import asyncio
import base64
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sandbox.mailing import MailSender
from sandbox.shelf import Row
from sandbox.vendor import Answer, Call, Webhook

USER, PASSWORD = "sandbox", "sandbox-smtp-password"  # known to everybody, good for nothing
HOST = "127.0.0.1"
_KEPT_HEADERS = ("List-Unsubscribe", "List-Unsubscribe-Post", "Message-ID", "Reply-To")
BUSY = "451 4.3.0 Try again later"

type Serve = Callable[[Call], Awaitable[Answer | None]]


class MailServer(MailSender):
    """Takes mails for anybody. An address whose `outcome` is a bounce is refused at once, softly (450) or for good (550)."""

    name = "smtp"
    title = "Mail server"
    prefixes = ()
    connection: Mapping[str, str] = {
        "User": USER,
        "Password": PASSWORD,
        "SMTP_FROM": "Javier Virtual <javier@puente.example>",
    }
    routes = ()
    outcomes: Sequence[str] = ("delivered", "hard_bounce", "soft_bounce")
    actions: Mapping[str, str] = {name: MailSender.actions[name] for name in ("outcome", "unsubscribe", "unblock")}

    def answer(self, call: Call) -> Answer:
        """Take the mail that is the call's body; the answer's body is what the server says."""
        mail = _mail(call.headers, call.body)
        outcome = self._chosen(mail["to"])
        if "bounce" in outcome:
            line = "550 5.1.1 No such user" if outcome == "hard_bounce" else "450 4.2.0 Mailbox busy"
            return Answer(status=int(line[:3]), body=line.encode(), content_type="text/plain", outcome=outcome)
        self.shelf.put("emails", mail["id"], mail | {"status": "accepted", "at": self.moment(), "events": []})
        self.tell(self.shelf.rows("emails")[-1], "delivered")
        return Answer(status=250, body=b"250 2.0.0 OK", content_type="text/plain")

    def what(self, call: Call) -> str:
        """A mail."""
        del call
        return "mail"

    def event(self, mail: Row, word: str, detail: Mapping[str, str]) -> Webhook | None:
        """Nobody is notified."""
        del mail, word, detail
        return None


class _Door:
    """Hands what comes by SMTP to the sandbox, so that it is recorded and meets faults as any call does."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """One mail, once for each recipient; the first refusal is the answer."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        for to in envelope.rcpt_tos:
            headers = {"From": envelope.mail_from or "", "To": to}
            answer = await self._serve(Call(method="DATA", path="/", headers=headers, body=content))
            if answer is None:
                _cut(server)
                return BUSY
            if answer.status != 250:  # noqa: PLR2004  # SMTP's yes
                line = answer.body.decode("utf-8", "replace")
                return line if line[:3].isdecimal() and line[0] in "45" else BUSY
        return "250 2.0.0 OK"


def _cut(server: SMTP) -> None:
    """Hang up without a word."""
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


@contextlib.asynccontextmanager
async def mail_server(port: int, serve: Serve) -> AsyncIterator[int]:
    """Listen for SMTP on 127.0.0.1 (`port` 0: a free one) and hand each mail to `serve`; the port it listens on."""

    def allowed(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good)  # one that is not handled is refused with 535

    def connection() -> SMTP:
        # The client is on this machine, so that a password may come without TLS.
        return SMTP(_Door(serve), hostname="sandbox.invalid", authenticator=allowed, auth_require_tls=False)

    server = await asyncio.get_running_loop().create_server(connection, HOST, port)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        server.close_clients()
        await server.wait_closed()


def _mail(envelope: Mapping[str, str], content: bytes) -> Row:
    """The mail as its recipient gets it."""
    message = message_from_bytes(content, policy=policy.default)
    headers = {name: str(message[name]) for name in _KEPT_HEADERS if message[name]}
    names: Sequence[Any] = message["To"].addresses if message["To"] else ()
    return {
        "id": uuid.uuid4().hex,
        "to": envelope["To"],
        "to_name": next((each.display_name for each in names if each.addr_spec == envelope["To"]), ""),
        "from": str(message["From"] or envelope["From"]),
        "subject": str(message["Subject"] or ""),
        "text": _part(message, "plain"),
        "html": _part(message, "html"),
        "reply_to": headers.pop("Reply-To", ""),
        "headers": headers,
        "tags": [],
        "files": {str(part.get_filename()): _encoded(part) for part in message.iter_attachments()},
    }


def _encoded(part: EmailMessage) -> str:
    """A file as base64, in one line."""
    content = part.get_payload(decode=True)
    return base64.b64encode(content if isinstance(content, bytes) else b"").decode()


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""
