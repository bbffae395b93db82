"""What the sandbox answers and sends, held against the vendors' own descriptions, strictly: nothing missing, nothing beside."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import vendor_specs
from vendor_specs import Spec

from sandbox.resend import API_KEY
from sandbox.resend import Resend as SandboxResend
from sandbox.twilio import Twilio as SandboxTwilio
from sandbox.twilio.resources import ACCOUNT, TOKEN
from sandbox.vendor import Reply
from shared import clock
from shared.messages.providers.mail import Email
from shared.messages.providers.resend import Resend
from shared.messages.providers.twilio_client import Twilio
from tests.support.sandbox import SandboxAdapter, wired

ANA, OURS = "+525512345678", "+525500000002"
ROOT = f"/2010-04-01/Accounts/{ACCOUNT}"
BACK, SCRIPT = "https://puente.example/status?d=1", "https://puente.example/voice?d=1"


@pytest.fixture(scope="module")
def twilio_spec() -> Spec:
    return vendor_specs.load("twilio_api_v2010.json")


@pytest.fixture(scope="module")
def resend_spec() -> Spec:
    return vendor_specs.load("resend.json")


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    with clock.frozen(datetime(2026, 3, 2, 18, 0, tzinfo=UTC)):
        yield


class Answers:
    """Asks the sandbox as anybody would, and keeps what it answered."""

    def __init__(self, adapter: SandboxAdapter, user: str, password: str) -> None:
        import requests

        self._session = requests.Session()
        self._session.mount("http://", adapter)
        self._session.auth = (user, password)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, Any]:
        """One call to Twilio's paths."""
        answer = self._session.request(method, f"http://127.0.0.1:7072/twilio{path}", data=form)
        return answer.status_code, answer.json()


def test_twilio_messages_are_as_described(twilio_spec: Spec) -> None:
    """Created, fetched, listed; delivered, undelivered and received ones."""
    vendor, adapter, _ = wired(SandboxTwilio())
    account = Answers(adapter, ACCOUNT, TOKEN)
    path = f"{ROOT}/Messages.json"
    vendor.act("reply", {"from": ANA, "text": "Hola"})
    for outcome in ("delivered", "read", "undelivered", "failed", "silent"):
        vendor.act("deliver", {"outcome": outcome})
        for to, sender in ((ANA, OURS), (f"whatsapp:{ANA}", f"whatsapp:{OURS}")):
            status, message = account.ask("POST", path, {"To": to, "From": sender, "Body": "Hola", "StatusCallback": BACK})
            twilio_spec.check_answer("POST", path, status, message)
            one = f"{ROOT}/Messages/{message['sid']}.json"
            twilio_spec.check_answer("GET", one, *account.ask("GET", one))
    for query in ("", "?PageSize=2&Page=1", f"?To=%2B{ANA[1:]}&DateSent%3E=2026-03-02", "?To=%2B1"):
        status, page = account.ask("GET", path + query)
        twilio_spec.check_answer("GET", path, status, page)
        example = next(iter(twilio_spec.examples("GET", path, 200).values()))
        assert set(page) == set(example)


def test_twilio_calls_are_as_described(twilio_spec: Spec) -> None:
    """Created, under way, over, missed; listed and redirected."""
    vendor, adapter, wire = wired(SandboxTwilio())
    account = Answers(adapter, ACCOUNT, TOKEN)
    path = f"{ROOT}/Calls.json"
    for outcome in ("human", "machine", "no-answer", "busy", "failed"):
        vendor.act("answer", {"outcome": outcome})
        form = {"To": ANA, "From": OURS, "Url": SCRIPT, "MachineDetection": "Enable"}
        status, call = account.ask("POST", path, form)
        twilio_spec.check_answer("POST", path, status, call)
        one = f"{ROOT}/Calls/{call['sid']}.json"
        twilio_spec.check_answer("GET", one, *account.ask("GET", one))
        if outcome == "human":
            twilio_spec.check_answer("POST", one, *account.ask("POST", one, {"Url": SCRIPT}))
        while wire.sent:
            vendor.on_reply(wire.sent.pop(), Reply(status=200, body=b"<Response><Say>Hola</Say></Response>"))
        status, shown = account.ask("GET", one)
        twilio_spec.check_answer("GET", one, status, shown)
        assert shown["status"] == ("completed" if outcome in ("human", "machine") else outcome)
    status, page = account.ask("GET", f"{path}?Status=busy")
    twilio_spec.check_answer("GET", path, status, page)
    assert len(page["calls"]) == 1


def test_what_our_client_asks_of_the_sandbox_is_described(twilio_spec: Spec) -> None:
    """Every status that it can answer is one of Twilio's."""
    vendor, adapter, _ = wired(SandboxTwilio())
    client = Twilio("http://127.0.0.1:7072/twilio", ACCOUNT, TOKEN, adapter)
    client.create_message(channel="sms", to=ANA, sender=OURS, body="Hola", status_callback=BACK)
    client.create_call(to=ANA, caller_id=OURS, url=SCRIPT, status_callback=BACK)
    words = {event["word"] for kind in ("messages", "calls") for row in vendor.shelf.rows(kind) for event in row["events"]}
    assert words <= twilio_spec.enum("message_enum_status") | twilio_spec.enum("call_enum_status")


def test_twilio_account_is_as_described(twilio_spec: Spec) -> None:
    """The request that asks whether Twilio is there, and its answer."""
    _, adapter, _ = wired(SandboxTwilio())
    status, shown = Answers(adapter, ACCOUNT, TOKEN).ask("GET", f"{ROOT}.json")
    twilio_spec.check_answer("GET", f"{ROOT}.json", status, shown)
    assert Twilio("http://127.0.0.1:7072/twilio", ACCOUNT, TOKEN, adapter).ping() in twilio_spec.enum("account_enum_status")


def test_resend_domains_are_as_described(resend_spec: Spec) -> None:
    """The request that asks whether Resend is there, and its answer."""
    _, adapter, _ = wired(SandboxResend())
    client = Resend("http://127.0.0.1:7072/resend", API_KEY, "Ana <a@x.example>", adapter)
    shown = client._http.request("GET", "/domains").json()
    resend_spec.check_answer("GET", "/domains", 200, shown)
    assert client.ping() == "1 of 1 domains verified"


def email(**more: Any) -> Email:
    """A mail with everything in it."""
    headers = {"List-Unsubscribe": "<https://puente.example/u>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    given = {
        "key": "k",
        "to": "ana@example.com",
        "subject": "Hola",
        "text": "Hola",
        "html": "<a href='https://x.example'>x</a>",
    }
    return Email(**{**given, "headers": headers, "tags": ("lead",), "reply_to": "a@x.example", **more})


def test_resend_answers_as_described(resend_spec: Spec) -> None:
    """The sending and the mail, whatever became of it."""
    vendor, adapter, _ = wired(SandboxResend())
    client = Resend("http://127.0.0.1:7072/resend", API_KEY, "Ana <a@x.example>", adapter)
    for number, outcome in enumerate(("silent", "delivered", "deferred", "soft_bounce", "spam", "delivered")):
        vendor.act("outcome", {"outcome": outcome})
        sent = client.send(email(key=str(number)))
        resend_spec.check_answer("POST", "/emails", 200, {"id": sent})
        for action in ("open", "click"):
            shown = client._http.request("GET", f"/emails/{sent}").json()
            resend_spec.check_answer("GET", "/emails/{email_id}", 200, shown)
            vendor.act(action, {"id": sent})


@pytest.mark.parametrize(
    ("name", "action", "more"),
    [
        ("EmailSentEvent", "", {}),
        ("EmailDeliveredEvent", "", {}),
        ("EmailOpenedEvent", "open", {}),
        ("EmailClickedEvent", "click", {}),
        ("EmailBouncedEvent", "bounce", {}),
        ("EmailBouncedEvent", "bounce", {"soft": True}),
        ("EmailComplainedEvent", "complain", {}),
        ("EmailSuppressedEvent", "blocked", {}),
        ("EmailDeliveryDelayedEvent", "deferred", {}),
    ],
)
def test_resend_events_are_as_described(resend_spec: Spec, name: str, action: str, more: dict[str, Any]) -> None:
    """Each by the schema of its own name."""
    vendor, adapter, wire = wired(SandboxResend())
    client = Resend("http://127.0.0.1:7072/resend", API_KEY, "Ana <a@x.example>", adapter)
    if action == "deferred":
        vendor.act("outcome", {"outcome": "deferred"})
    sent = client.send(email())
    if action == "blocked":
        vendor.act("bounce", {"id": sent})
        client.send(email(key="two"))
    elif action and action != "deferred":
        vendor.act(action, {"id": sent, **more})
    schema = resend_spec.document["components"]["schemas"][name]
    kind = schema["properties"]["type"]["const"]
    (event, *_) = [json.loads(webhook.body) for webhook in wire.sent if webhook.what == kind]
    resend_spec.check(event, _open(schema, resend_spec))


def _open(schema: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """The event's schema; one that is put together of parts names a member in one of them only, so its parts are joined."""
    data = schema["properties"]["data"]
    named = spec.document["components"]["schemas"][data["$ref"].rpartition("/")[2]]
    if "allOf" not in named:
        return schema
    joined: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    for part in named["allOf"]:
        whole = spec.document["components"]["schemas"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        joined["properties"] |= whole["properties"]
        joined["required"] += whole.get("required", [])
    return {**schema, "properties": {**schema["properties"], "data": joined}}
