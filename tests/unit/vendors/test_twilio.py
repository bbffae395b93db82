"""Twilio: what is sent, what each answer means, and how a message of unknown outcome is found again."""

from datetime import timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from shared.errors import (
    DeferredError,
    PermanentError,
    PuenteError,
    RetryableError,
    ThrottledError,
    UnavailableError,
    UncertainError,
)
from shared.messages.content import Content, Option
from shared.messages.message import Message
from shared.messages.providers import twilio as provider
from shared.messages.providers.twilio_client import Resource, Twilio
from shared.messages.providers.twilio_codes import reason_of
from shared.messages.templates import Rendered
from tests.unit.vendors.network import NOW, Answer, FakeNetwork, cut, html, refused

ANA, US = "+5215512345678", "+14155550100"
TAKEN = Answer(201, {"sid": "SM1", "status": "queued", "error_code": None})


def twilio(network: FakeNetwork) -> Twilio:
    return Twilio("https://api.twilio.invalid", "AC1", "auth-token", network)


def form(request: requests.PreparedRequest) -> list[tuple[str, str]]:
    body = request.body
    assert isinstance(body, bytes)
    return parse_qsl(body.decode(), strict_parsing=True)


def send(network: FakeNetwork, **options: Any) -> Resource:
    given = {"channel": "sms", "to": ANA, "sender": US, "body": "Hola, año nuevo"}
    return twilio(network).create_message(**(given | options))


def test_an_sms() -> None:
    """Text, numbers and callback as form fields, under the account, with its credentials."""
    network = FakeNetwork(TAKEN)
    assert send(network, status_callback="https://x.example/s?d=1") == Resource("SM1", "queued")
    request = network.requests[0]
    assert request.url == "https://api.twilio.invalid/2010-04-01/Accounts/AC1/Messages.json"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Authorization"].startswith("Basic ")
    assert form(request) == [
        ("To", ANA),
        ("From", US),
        ("Body", "Hola, año nuevo"),
        ("StatusCallback", "https://x.example/s?d=1"),
    ]


def test_a_whatsapp_template() -> None:
    """Both numbers with their prefix (once), the variables as JSON, and no text beside the template."""
    network = FakeNetwork(TAKEN)
    send(network, channel="whatsapp", sender=f"whatsapp:{US}", content_sid="HX1", content_variables={"1": "Ana ñ"})
    assert form(network.requests[0]) == [
        ("To", f"whatsapp:{ANA}"),
        ("From", f"whatsapp:{US}"),
        ("ContentSid", "HX1"),
        ("ContentVariables", '{"1": "Ana ñ"}'),
    ]
    send(network, channel="whatsapp", content_sid="HX1")
    assert [name for name, _ in form(network.requests[1])] == ["To", "From", "ContentSid"]


def test_options_are_numbered_in_the_text_and_a_file_goes_by_its_address() -> None:
    """Twilio has buttons in approved templates alone; an answer "2" is read by `content.chosen`."""
    two = (Option(id="si", title="Sí"), Option(id="no", title="No"))
    assert provider._text(_whatsapp(Content(options=two))) == "¿Vienes?\n\n1. Sí\n2. No"
    network = FakeNetwork(TAKEN)
    send(network, channel="whatsapp", media_url="https://x.example/a.pdf")
    assert ("MediaUrl", "https://x.example/a.pdf") in form(network.requests[0])


def _whatsapp(content: Content) -> Any:
    message = Message(person="p", channel="whatsapp", to=ANA, text="¿Vienes?", content=content, dedupe_key="k")
    return SimpleNamespace(message=message, rendered=Rendered(subject="", text=message.text, html=""))


def test_a_text_that_is_too_long_is_not_even_sent() -> None:
    """Twilio would refuse it."""
    network = FakeNetwork(TAKEN)
    send(network, body="x" * 1600)
    with pytest.raises(PermanentError) as caught:
        send(network, body="x" * 1601)
    assert caught.value.reason == "twilio-too-long"
    assert len(network.requests) == 1


def test_a_call() -> None:
    """The address of what is said, the callback for each event that matters, and nothing about machines unless asked."""
    network = FakeNetwork(Answer(201, {"sid": "CA1", "status": "queued"}))
    options = {"to": ANA, "caller_id": US, "url": "https://x.example/voice?sig=1"}
    assert twilio(network).create_call(**options) == Resource("CA1", "queued")
    twilio(network).create_call(
        **options, status_callback="https://x.example/s", machine_detection=True, machine_callback="https://x.example/amd"
    )
    assert str(network.requests[0].url).endswith("/Accounts/AC1/Calls.json")
    plain = [("To", ANA), ("From", US), ("Url", "https://x.example/voice?sig=1"), ("Method", "GET"), ("Timeout", "30")]
    assert form(network.requests[0]) == plain
    assert form(network.requests[1]) == [
        *plain,
        ("StatusCallback", "https://x.example/s"),
        ("StatusCallbackMethod", "POST"),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", "https://x.example/amd"),
        ("AsyncAmdStatusCallbackMethod", "POST"),
    ]


def test_a_call_under_way_goes_on_elsewhere() -> None:
    """By its id; a cut connection is tried again."""
    network = FakeNetwork(cut(), Answer(200, {"sid": "CA1", "status": "in-progress"}))
    assert twilio(network).redirect_call("CA1", "https://x.example/voicemail").status == "in-progress"
    assert str(network.requests[0].url).endswith("/Calls/CA1.json")
    assert form(network.requests[1]) == [("Url", "https://x.example/voicemail"), ("Method", "GET")]


@pytest.mark.parametrize(
    ("step", "error", "reason"),
    [
        (
            Answer(400, {"code": 21211, "message": f"The 'To' number {ANA} is invalid"}),
            PermanentError,
            "twilio-invalid-recipient",
        ),
        (Answer(400, {"code": 21610, "message": "unsubscribed"}), PermanentError, "twilio-opted-out"),
        (Answer(400, {"code": 63016}), PermanentError, "twilio-outside-window"),
        (Answer(400, {"code": 99999}), PermanentError, "twilio-99999"),
        (Answer(401, {"code": 20003}), UnavailableError, None),
        (Answer(201, {"sid": "SM1", "status": "failed", "error_code": 63024}), PermanentError, "twilio-not-on-whatsapp"),
        (Answer(201, {"sid": "SM1", "status": "undelivered"}), PermanentError, "twilio-failed"),
        (Answer(400, {"message": "odd"}), PermanentError, "twilio-refused"),
        (html(404), PermanentError, "twilio-not-found"),
        (Answer(429, {"code": 20429}), ThrottledError, None),
        (Answer(400, {"code": 21611}), ThrottledError, None),
        (Answer(400, {"code": 63018}), DeferredError, None),
        (Answer(500, {"code": 20500}), UncertainError, None),
        (Answer(504), UncertainError, None),
        (html(201), UncertainError, None),
        (requests.ReadTimeout(), UncertainError, None),
        (cut(), UncertainError, None),
        (refused(), UnavailableError, None),
    ],
)
def test_each_failure_is_judged(step: Answer | Exception, error: type[PuenteError], reason: str | None) -> None:
    """Refused for good with a reason, later, or of unknown outcome; no number and no token in the text."""
    with pytest.raises(error) as caught:
        send(FakeNetwork(step))
    assert type(caught.value) is error
    assert getattr(caught.value, "reason", None) == reason
    assert "15512345678" not in str(caught.value)
    assert "auth-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("63016", "twilio-outside-window"),
        (30003, "twilio-unreachable"),
        ("30008", "twilio-30008"),
        (0, ""),
        ("0", ""),
        ("", ""),
        (None, ""),
        ("x", ""),
    ],
)
def test_a_later_status_is_read_with_the_same_reasons(code: object, reason: str) -> None:
    """The callback sends the code as text."""
    assert reason_of(code) == reason


def entry(age_seconds: float, **more: Any) -> dict[str, Any]:
    made = format_datetime(NOW - timedelta(seconds=age_seconds))
    return {
        "sid": f"SM{age_seconds}",
        "status": "sent",
        "direction": "outbound-api",
        "date_created": made,
        "body": "Hola",
    } | more


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([entry(30)], "SM30"),
        ([entry(10), entry(30)], "SM10"),
        ([entry(30), entry(10)], "SM10"),
        ([entry(64)], "SM64"),
        ([entry(66)], None),
        ([entry(30, body=" Hola\n")], "SM30"),
        ([entry(30, body="Hola, otra vez")], None),
        ([entry(30, direction="inbound")], None),
        ([entry(30, direction="outbound-reply")], None),
        ([entry(30, date_created=None)], None),
        ([entry(30, date_created="soon")], None),
        ([], None),
    ],
)
def test_a_message_is_found_again(entries: list[dict[str, Any]], found: str | None) -> None:
    """By both numbers, its text and when it was made, five seconds allowed for clocks that differ."""
    network = FakeNetwork(Answer(200, {"messages": entries}))
    since = NOW - timedelta(seconds=60)
    messages = twilio(network).messages_to(channel="whatsapp", to=ANA, sender=US, since=since, body="Hola")
    assert next((message.sid for message in messages), None) == found
    query = dict(parse_qsl(urlsplit(str(network.requests[0].url)).query))
    assert query == {"To": f"whatsapp:{ANA}", "From": f"whatsapp:{US}", "PageSize": "50"}


def test_a_template_is_found_by_its_time_alone() -> None:
    """Its text is not known beforehand; a later message is not taken for it."""
    network = FakeNetwork(Answer(200, {"messages": [entry(10, body="later"), entry(50, body="Hola Ana")]}))
    since, until = NOW - timedelta(seconds=60), NOW - timedelta(seconds=30)
    (message,) = twilio(network).messages_to(channel="whatsapp", to=ANA, sender=US, since=since, until=until)
    assert message.sid == "SM50"


def test_a_call_is_found_again() -> None:
    """In the same way; a look-up may be repeated."""
    network = FakeNetwork(cut(), Answer(200, {"calls": [entry(20, sid="CA1", status="busy")]}))
    assert twilio(network).calls_to(to=ANA, caller_id=US, since=NOW - timedelta(minutes=1)) == [Resource("CA1", "busy")]
    network = FakeNetwork(Answer(200, {"calls": [entry(90)]}))
    assert twilio(network).calls_to(to=ANA, caller_id=US, since=NOW - timedelta(minutes=1)) == []
    with pytest.raises(RetryableError):
        twilio(FakeNetwork(html())).calls_to(to=ANA, caller_id=US, since=NOW)
