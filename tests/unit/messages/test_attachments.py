"""Files that go with a mail: made by the flow when it is sent, in the form that each carrier takes."""

import base64
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from shared.errors import PermanentError
from shared.messages import attachments
from shared.messages.attachments import Attachment, attached
from shared.messages.providers.brevo import Brevo
from shared.messages.providers.mail import Email
from shared.messages.providers.resend import Resend
from shared.messages.providers.smtp import Server, Smtp
from tests.support.listeners import listen
from tests.support.messages import enqueue, message
from tests.unit.vendors.network import Answer, FakeNetwork

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
INVITATION = Attachment(
    name="reunión.ics", content_type="text/calendar; method=REQUEST; charset=UTF-8", content="SUMMARY:Peña\r\n".encode()
)
MANUAL = Attachment(name="manual.pdf", content_type="application/pdf", content=bytes(range(256)))
MAIL = Email(key="k", to="ana@example.com", subject="S", text="T", html="<p>T</p>", attachments=(INVITATION, MANUAL))


def test_mail_takes_the_files_of_the_flow_that_owns_it(world, post, test_clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment of the first try is given, so that a second one makes the same bytes; others' messages have none."""
    test_clock.moment, asked = test_clock.moment.replace(hour=18), []  # noon in Mexico City

    def attach(context, at):
        asked.append(at)
        return [INVITATION] if context.get("meeting") else None

    listen(monkeypatch, "message.attachments", "a test's", attach)
    enqueue(
        message("email", dedupe_key="k1", context={"meeting": 1}),
        message("email", dedupe_key="k2"),
        message("whatsapp", dedupe_key="k3", context={"meeting": 1}),
    )
    assert [letter.attachments for letter in post.sent] == [(INVITATION,), (), ()]
    assert len(asked) == 2


def test_files_that_are_too_large_fail_the_mail_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mailbox would take it, however often it is tried."""
    monkeypatch.setattr(attachments, "LARGEST_BYTES", 5)
    listen(monkeypatch, "message.attachments", "a test's", lambda _context, _at: [INVITATION])
    with pytest.raises(PermanentError) as caught:
        attached({}, AT)
    assert caught.value.reason == "attachments-too-large"


def test_brevo_gets_files_as_base64_under_their_names() -> None:
    """Brevo knows the type by the ending."""
    network = FakeNetwork(Answer(201, {"messageId": "m"}))
    Brevo("https://api.brevo.invalid", "key", "a@x.example", "Ana", network).send(MAIL)
    files = network.bodies[0]["attachment"]
    assert [one["name"] for one in files] == ["reunión.ics", "manual.pdf"]
    assert base64.b64decode(files[1]["content"]) == MANUAL.content


def test_resend_gets_files_with_their_type() -> None:
    """A calendar's method is part of the type."""
    network = FakeNetwork(Answer(200, {"id": "m"}))
    Resend("https://api.resend.invalid", "key", "Ana <a@x.example>", network).send(MAIL)
    files = network.bodies[0]["attachments"]
    assert [(one["filename"], one["content_type"]) for one in files] == [
        (INVITATION.name, INVITATION.content_type),
        (MANUAL.name, MANUAL.content_type),
    ]
    assert base64.b64decode(files[0]["content"]) == INVITATION.content


def test_mail_server_gets_parts_that_mail_programs_know() -> None:
    """An invitation is `text/calendar` with its method (RFC 6047); text and HTML stay beside each other."""
    smtp = Smtp(Server("127.0.0.1", 25, tls_from_start=False, user="", password=""), "Ana <a@x.example>")
    whole: EmailMessage = smtp._message(MAIL)  # what goes over the wire
    calendar, manual = whole.iter_attachments()
    assert calendar.get_content_type() == "text/calendar"
    assert calendar["Content-Type"].params["method"] == "REQUEST"
    assert calendar.get_filename() == INVITATION.name
    assert calendar.get_content().splitlines() == ["SUMMARY:Peña"]
    assert manual.get_content() == MANUAL.content
    assert whole.get_body(("html",)) is not None
    assert whole.as_bytes().isascii()
