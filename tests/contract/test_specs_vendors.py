"""What our clients send, held against the vendors' own descriptions; and the vendors' own examples, read by our clients."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
import vendor_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from vendor_specs import Spec

from shared import clock
from shared.messages.attachments import Attachment
from shared.messages.providers.mail import Email
from shared.messages.providers.resend import Resend
from shared.messages.providers.twilio_client import Twilio
from shared.messages.providers.twilio_codes import REASONS
from shared.vendors.discord import Discord, Embed
from tests.unit.vendors.network import Answer, FakeNetwork

ACCOUNT, CALL, CONTENT = "AC" + "0a" * 16, "CA" + "0b" * 16, "HX" + "0c" * 16
ANA, US = "+5215512345678", "+14155550100"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)


@pytest.fixture(scope="module")
def twilio_spec() -> Spec:
    return vendor_specs.load("twilio_api_v2010.json")


@pytest.fixture(scope="module")
def resend_spec() -> Spec:
    return vendor_specs.load("resend.json")


@pytest.fixture(scope="module")
def discord_spec() -> Spec:
    return vendor_specs.load("discord_v10.json", prefix="/api")


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def twilio(*script: Answer) -> tuple[Twilio, FakeNetwork]:
    network = FakeNetwork(*script)
    return Twilio("https://api.twilio.invalid", ACCOUNT, "token", network), network


def test_twilio_takes_our_messages(twilio_spec: Spec) -> None:
    """Texts and templates, SMS and WhatsApp, with the callback."""
    vendor, network = twilio(Answer(201, {"sid": "SM1", "status": "queued"}))
    back = "https://puente.example/api/twilio/status?d=1"
    vendor.create_message(channel="sms", to=ANA, sender=US, body="Hola", status_callback=back)
    vendor.create_message(channel="whatsapp", to=ANA, sender=US, content_sid=CONTENT, content_variables={"1": "Ana"})
    assert len(network.requests) == 2
    for request in network.requests:
        twilio_spec.check_request(request)


def test_twilio_takes_our_calls(twilio_spec: Spec) -> None:
    """With and without machine detection; the events that we ask for are some that there are."""
    vendor, network = twilio(Answer(201, {"sid": CALL, "status": "queued"}))
    url = "https://puente.example/api/twilio/voice?sig=1"
    vendor.create_call(to=ANA, caller_id=US, url=url)
    vendor.create_call(to=ANA, caller_id=US, url=url, status_callback=url, machine_detection=True, machine_callback=url)
    vendor.redirect_call(CALL, url)
    assert len(network.requests) == 3
    for request in network.requests:
        twilio_spec.check_request(request)
    body = network.requests[1].body
    assert isinstance(body, bytes)
    events = {part.partition("=")[2] for part in body.decode().split("&") if part.startswith("StatusCallbackEvent=")}
    assert events == {"answered", "completed"}
    assert events <= twilio_spec.enum("call_enum_event")


def test_twilio_takes_our_look_ups(twilio_spec: Spec) -> None:
    """Every parameter of them is one."""
    vendor, network = twilio(Answer(200, {"messages": [], "calls": []}))
    vendor.messages_to(channel="whatsapp", to=ANA, sender=US, since=NOW)
    vendor.calls_to(to=ANA, caller_id=US, since=NOW)
    assert len(network.requests) == 2
    for request in network.requests:
        twilio_spec.check_request(request)


@pytest.mark.parametrize(("name", "path"), [("messages", "Messages"), ("calls", "Calls")])
def test_our_look_up_finds_what_twilio_shows_as_an_example(twilio_spec: Spec, name: str, path: str) -> None:
    """Every outbound message and call of the vendor's own examples is found by its own time."""
    found = 0
    for example in twilio_spec.examples("GET", f"/2010-04-01/Accounts/{ACCOUNT}/{path}.json", 200).values():
        for entry in example[name]:
            if entry["direction"] != "outbound-api":
                continue
            vendor, _ = twilio(Answer(200, example))
            since = parsedate_to_datetime(entry["date_created"])
            if name == "messages":
                (resource,) = vendor.messages_to(channel="sms", to=ANA, sender=US, since=since, until=since, body=entry["body"])
            else:
                (resource,) = vendor.calls_to(to=ANA, caller_id=US, since=since, until=since)
            assert (resource.sid, resource.status) == (entry["sid"], entry["status"])
            found += 1
    assert found


def test_the_words_for_a_failed_message_are_twilios(twilio_spec: Spec) -> None:
    """The two statuses that refuse a message at once exist, and codes are whole numbers."""
    assert {"failed", "undelivered"} <= twilio_spec.enum("message_enum_status")
    assert all(10_000 <= code < 100_000 for code in REASONS)


@settings(deadline=None)  # the first example compiles the description
@given(subject=TEXTS, text=TEXTS, html=TEXTS, tag=st.text(max_size=20), key=TEXTS)
def test_resend_takes_our_emails(resend_spec: Spec, subject: str, text: str, html: str, tag: str, key: str) -> None:
    """Whatever the texts; the idempotency key within its length, tags of the characters allowed."""
    network = FakeNetwork(Answer(200, {"id": "e"}))
    headers = {"List-Unsubscribe": "<https://x.example/u>"}
    email = Email(
        key=key,
        to="ana@example.com",
        subject=subject,
        text=text,
        html=html,
        reply_to="a@x.example",
        headers=headers,
        tags=(tag,) if tag else (),
        attachments=(Attachment(name=f"{len(tag)}.ics", content_type="text/calendar; method=REQUEST", content=text.encode()),),
    )
    assert Resend("https://api.resend.invalid", "key", "Ana <a@x.example>", network).send(email) == "e"
    resend_spec.check_request(network.requests[0])
    resend_spec.check_answer("POST", "/emails", 200, {"id": "e"})
    for one in network.bodies[0].get("tags", []):
        assert one["name"].isascii()
        assert one["name"].replace("_", "").replace("-", "").isalnum() or set(one["name"]) <= set("_-")


@settings(deadline=None)  # the first example compiles the description
@given(content=TEXTS, title=TEXTS, value=TEXTS, footer=TEXTS)
def test_discord_takes_our_posts(discord_spec: Spec, content: str, title: str, value: str, footer: str) -> None:
    """Whatever the texts and however long they are."""
    network = FakeNetwork(Answer(200, {"id": "1"}))
    vendor = Discord("https://discord.invalid/api/webhooks/123456789012345678/token", network)
    vendor.post(
        content, Embed(title=title, description=value, fields=[("E-mail", value), ("", "")], footer=footer, timestamp=NOW)
    )
    assert len(network.requests) == 1
    discord_spec.check_request(network.requests[0])


@pytest.mark.parametrize(
    ("fields", "fault"),
    [({"Colour": "red"}, "Colour"), ({"ContentSid": "HX1"}, "HX1"), ({"ValidityPeriod": "1", "To": None}, "To")],
)
def test_the_check_finds_faults_in_a_form(twilio_spec: Spec, fields: dict[str, Any], fault: str) -> None:
    """An unknown field, a value of the wrong form, a missing field."""
    data = {name: value for name, value in ({"To": ANA} | fields).items() if value is not None}
    url = f"https://api.twilio.invalid/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    with pytest.raises(AssertionError, match=fault):
        twilio_spec.check_request(requests.Request("POST", url, data=data).prepare())


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?wait=true", {"content": "x" * 2001}),
        ("?wait=true", {"colour": "red"}),
        ("?wait=true", {"embeds": [{"title": "x" * 257}]}),
        ("?wait=true", {"embeds": [{"fields": [{"name": "x"}]}]}),
        ("?wait=true", {"allowed_mentions": {"parse": ["nobody"]}}),
        ("?colour=red", {"content": "x"}),
    ],
)
def test_the_check_finds_faults_in_json(discord_spec: Spec, query: str, body: dict[str, Any]) -> None:
    """Too long, unknown, incomplete, at any depth; an unknown parameter."""
    url = f"https://discord.invalid/api/webhooks/123456789012345678/token{query}"
    with pytest.raises(AssertionError):
        discord_spec.check_request(requests.Request("POST", url, json=body).prepare())


def test_the_check_finds_a_key_that_is_too_long(resend_spec: Spec) -> None:
    """Headers are checked as well."""
    body, headers = {"from": "a@x.example", "to": "b@x.example", "subject": "s"}, {"Idempotency-Key": "x" * 257}
    with pytest.raises(AssertionError, match="too long"):
        resend_spec.check_request(requests.Request("POST", "https://r.invalid/emails", json=body, headers=headers).prepare())
