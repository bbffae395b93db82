"""E-mail through Brevo and Resend: what is sent, what each answer means, how a repetition does not become a second e-mail."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests

from shared import clock
from shared.errors import (
    PermanentError,
    PuenteError,
    RetryableError,
    ThrottledError,
    UnavailableError,
    UncertainError,
)
from shared.messages.providers.brevo import Brevo
from shared.messages.providers.mail import Email, sender
from shared.messages.providers.resend import Resend
from tests.unit.vendors.network import Answer, FakeNetwork, cut, html, refused

PLAIN = Email(key="lead:1/welcome", to="ana@example.com", subject="Hola", text="Hola, Ana")
FULL = Email(
    key="lead:1/welcome",
    to="ana@example.com",
    to_name="Ana",
    subject="Hola",
    text="Hola",
    html="<p>Hola</p>",
    reply_to="equipo@example.com",
    headers={"List-Unsubscribe": "<https://x.example/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    tags=("lead journey",),
)


def brevo(network: FakeNetwork) -> Brevo:
    return Brevo("https://api.brevo.invalid/v3", "secret-key", "hola@example.com", "Javier Virtual", network)


def resend(network: FakeNetwork) -> Resend:
    return Resend("https://api.resend.invalid", "secret-key", "Javier <hola@example.com>", network)


def test_brevo_plain() -> None:
    """The parts that are there, the key as a UUID in the body's headers and as a tag; the message id comes back."""
    network = FakeNetwork(Answer(201, {"messageId": "<1@brevo>"}))
    assert brevo(network).send(PLAIN) == "<1@brevo>"
    assert network.requests[0].url == "https://api.brevo.invalid/v3/smtp/email"
    assert network.requests[0].headers["api-key"] == "secret-key"
    assert network.bodies[0] == {
        "sender": {"email": "hola@example.com", "name": "Javier Virtual"},
        "to": [{"email": "ana@example.com"}],
        "subject": "Hola",
        "textContent": "Hola, Ana",
        "htmlContent": "<p>Hola, Ana</p>",
        "headers": {"idempotencyKey": PLAIN.key_uuid},
        "tags": [PLAIN.key_uuid],
    }
    assert str(uuid.UUID(PLAIN.key_uuid)) == PLAIN.key_uuid


def test_brevo_full() -> None:
    """HTML, reply address, further headers beside the key."""
    network = FakeNetwork(Answer(201, {"messageId": "<1@brevo>"}))
    brevo(network).send(FULL)
    body = network.bodies[0]
    assert (body["htmlContent"], body["replyTo"], body["to"][0]["name"]) == (
        "<p>Hola</p>",
        {"email": "equipo@example.com"},
        "Ana",
    )
    assert body["headers"] == dict(FULL.headers) | {"idempotencyKey": FULL.key_uuid}
    assert body["tags"] == ["lead journey", FULL.key_uuid]


def test_brevo_had_it_already() -> None:
    """A duplicate is no error: the e-mail is on its way, and its id is asked for, as far as the log knows it yet."""
    ours = {"messageId": "<1@brevo>", "tag": json.dumps([PLAIN.key_uuid]), "event": "requests"}
    for code, message in (
        ("duplicate_request", "Duplicate"),
        ("duplicate_parameter", ""),
        ("duplicate_parameter", "A request to send an e-mail with this idempotencyKey was received before"),
    ):
        answer = Answer(400, {"code": code, "message": message})
        assert brevo(FakeNetwork(answer, Answer(200, {"events": [ours]}))).send(PLAIN) == "<1@brevo>"
        assert brevo(FakeNetwork(answer, Answer(200, {"events": []}))).send(PLAIN) == ""
        assert brevo(FakeNetwork(answer, Answer(429))).send(PLAIN) == ""
    with pytest.raises(PermanentError) as refused:
        brevo(FakeNetwork(Answer(400, {"code": "duplicate_parameter", "message": "tags are given twice"}))).send(PLAIN)
    assert refused.value.reason == "brevo-duplicate-parameter"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Javier Virtual", "Javier Virtual"),
        ("Pérez", "Pérez"),
        ("Perez, Inc.", "Perez, Inc."),
        ("Clínica Dr. Pérez, Monterrey", "=?utf-8?b?Q2zDrW5pY2EgRHIuIFDDqXJleiwgTW9udGVycmV5?="),
    ],
)
def test_brevo_keeps_a_name_that_it_would_drop(name: str, sent: str) -> None:
    """One that has both letters beyond ASCII and special characters goes as in a mail's header (RFC 2047)."""
    network = FakeNetwork(Answer(201, {"messageId": "<1@brevo>"}))
    client = Brevo("https://api.brevo.invalid/v3", "k", "hola@example.com", name, network)
    client.send(Email(key="k", to="ana@example.com", to_name=name, subject="s", text="t"))
    assert (network.bodies[0]["sender"]["name"], network.bodies[0]["to"][0]["name"]) == (sent, sent)


def test_brevo_gets_html_made_of_the_text() -> None:
    """A mail without would be refused: paragraphs, line ends and links are as in the text, and nothing in it is code."""
    network = FakeNetwork(Answer(201, {"messageId": "<1@brevo>"}))
    text = "Hola <b>\nAna:\n\nhttps://x.example/a?b=1&c=2."
    brevo(network).send(Email(key="k", to="ana@example.com", subject="s", text=text))
    link = "https://x.example/a?b=1&amp;c=2"
    assert network.bodies[0]["htmlContent"] == f'<p>Hola &lt;b&gt;<br>\nAna:</p><p><a href="{link}">{link}</a>.</p>'


def test_brevo_finds_what_it_sent() -> None:
    """By the key among the tags, and only by that: another e-mail to the same person is not taken for it."""
    other = {"messageId": "<0@brevo>", "email": "ana@example.com", "tag": "x", "event": "delivered"}
    ours = {"messageId": "<1@brevo>", "email": "ana@example.com", "tag": json.dumps([PLAIN.key_uuid]), "event": "requests"}
    network = FakeNetwork(Answer(200, {"events": [other, ours]}))
    assert brevo(network).find(PLAIN) == "<1@brevo>"
    assert "email=ana%40example.com" in str(network.requests[0].url)
    assert "days=2" in str(network.requests[0].url)
    assert brevo(network).find(PLAIN, clock.now() - timedelta(days=3)) == "<1@brevo>"
    assert "days=5" in str(network.requests[1].url)
    assert brevo(FakeNetwork(Answer(200, {"events": [other]}))).find(PLAIN) is None
    assert brevo(FakeNetwork(Answer(200, {}))).find(PLAIN) is None


def test_resend_plain_and_full() -> None:
    """The key travels in a header; tags hold only what Resend takes."""
    network = FakeNetwork(Answer(200, {"id": "e-1"}))
    assert resend(network).send(PLAIN) == "e-1"
    resend(network).send(FULL)
    assert network.requests[0].headers["Authorization"] == "Bearer secret-key"
    assert {request.headers["Idempotency-Key"] for request in network.requests} == {PLAIN.key_digest}
    assert network.bodies[0] == {
        "from": "Javier <hola@example.com>",
        "to": ["ana@example.com"],
        "subject": "Hola",
        "text": "Hola, Ana",
    }
    assert network.bodies[1] == {
        "from": "Javier <hola@example.com>",
        "to": ["ana@example.com"],
        "subject": "Hola",
        "text": "Hola",
        "html": "<p>Hola</p>",
        "reply_to": "equipo@example.com",
        "headers": dict(FULL.headers),
        "tags": [{"name": "lead_journey", "value": "1"}],
    }


FAILURES = [
    # of which vendor, what happened, the error, its reason
    (brevo, Answer(400, {"code": "invalid_parameter", "message": "bad"}), PermanentError, "brevo-invalid-parameter"),
    (brevo, Answer(401, {"code": "unauthorized", "message": "no"}), UnavailableError, None),
    (brevo, Answer(402, {"code": "not_enough_credits"}), UnavailableError, None),
    (brevo, Answer(429), ThrottledError, None),
    (brevo, Answer(500, {"code": "x"}), UncertainError, None),
    (brevo, html(201), UncertainError, None),
    (brevo, html(403), UnavailableError, None),
    (brevo, Answer(403, {"code": "permission_denied"}), UnavailableError, None),
    (brevo, Answer(400, {"code": "not_enough_credits"}), UnavailableError, None),
    (brevo, Answer(400, {"code": "account_under_validation"}), UnavailableError, None),
    (brevo, Answer(301, b"", {"Location": "https://x.example/"}), PermanentError, "brevo-refused"),
    (resend, Answer(308, b"", {"Location": "https://x.example/"}), PermanentError, "resend-refused"),
    (resend, Answer(403, {"name": "validation_error", "message": "not verified"}), UnavailableError, None),
    (resend, Answer(422, {"name": "invalid_from_address"}), UnavailableError, None),
    (brevo, requests.ReadTimeout(), UncertainError, None),
    (brevo, refused(), UnavailableError, None),
    (resend, Answer(409, {"name": "invalid_idempotent_request"}), PermanentError, "resend-invalid-idempotent-request"),
    (resend, Answer(409, {"name": "concurrent_idempotent_requests"}), RetryableError, None),
    (resend, Answer(422, {"name": "validation_error", "message": "to"}), PermanentError, "resend-validation-error"),
    (resend, Answer(401, {"name": "missing_api_key"}), UnavailableError, None),
    (resend, Answer(400, [1]), PermanentError, "resend-refused"),
    (resend, Answer(429, {"name": "rate_limit_exceeded"}), ThrottledError, None),
    (resend, Answer(500, {"name": "application_error"}), UncertainError, None),
    (resend, html(), UncertainError, None),
    (resend, cut(), UncertainError, None),
]


@pytest.mark.parametrize(("vendor", "step", "error", "reason"), FAILURES)
def test_each_failure_is_judged(
    vendor: Callable[[FakeNetwork], Brevo | Resend],
    step: Answer | Exception,
    error: type[PuenteError],
    reason: str | None,
) -> None:
    """Refused for good, later, or of unknown outcome; and never tried again at once when it may have been sent."""
    network = FakeNetwork(step)
    with pytest.raises(error) as caught:
        vendor(network).send(PLAIN)
    assert type(caught.value) is error
    assert getattr(caught.value, "reason", None) == reason
    assert len(network.requests) == (3 if isinstance(caught.value, UnavailableError) and isinstance(step, Exception) else 1)
    assert "ana@" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_look_up_may_be_repeated() -> None:
    """It changes nothing."""
    network = FakeNetwork(cut(), Answer(200, {"events": []}))
    assert brevo(network).find(PLAIN) is None
    with pytest.raises(RetryableError):
        brevo(FakeNetwork(html())).find(PLAIN)


def test_the_key_decides_and_nothing_else() -> None:
    """The same key is the same UUID and digest for ever; another key is another."""
    assert PLAIN.key_uuid == FULL.key_uuid == "1c670d3b-67d5-57ab-9747-d64f3057aee4"
    assert PLAIN.key_digest == FULL.key_digest
    other = Email(key="lead:1/day-6", to="ana@example.com", subject="", text="")
    assert len({PLAIN.key_uuid, other.key_uuid, PLAIN.key_digest, other.key_digest}) == 4


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("a@x.example", ("", "a@x.example")), ("Ana <a@x.example>", ("Ana", "a@x.example")), ("Ana", None), ("", None)],
)
def test_the_senders_setting(setting: str, expected: tuple[str, str] | None) -> None:
    """An address, with or without a name; anything else is said before the first e-mail."""
    if expected:
        assert sender(setting, "SMTP_FROM") == expected
    else:
        with pytest.raises(PermanentError, match="SMTP_FROM"):
            sender(setting, "SMTP_FROM")
