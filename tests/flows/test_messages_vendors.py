"""What really goes over the wire, through the vendors' own clients, for one message of each channel."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
import requests
from requests.adapters import BaseAdapter

from shared import clock
from shared.messages import digests
from shared.messages.consent import wrote_to_us
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.session import transact
from shared.vendors import http, rest_client
from tests.support.messages import ANA_EMAIL, ANA_PHONE, CONFIGURED, carry_out, deliveries, enqueue, message


class Wire(BaseAdapter):
    """Keeps every request and answers from a list, else as the vendor does when all is well."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[requests.PreparedRequest] = []
        self.answers: list[tuple[int, object]] = []

    def send(self, request: requests.PreparedRequest, **_more: object) -> requests.Response:
        self.requests.append(request)
        status, content = self.answers.pop(0) if self.answers else (201, _good(request))
        response = requests.Response()
        response.status_code, response._content = status, json.dumps(content).encode()
        response.request, response.url = request, str(request.url)
        return response

    def close(self) -> None:
        """Nothing is held."""

    def body(self, number: int = -1) -> dict:
        """The JSON, or the fields of the form, of a request."""
        raw = self.requests[number].body
        text = raw.decode() if isinstance(raw, bytes) else str(raw)
        return json.loads(text) if text.startswith("{") else {name: values[0] for name, values in parse_qs(text).items()}


def _good(request: requests.PreparedRequest) -> object:
    url = str(request.url)
    if "brevo" in url:
        return {"messageId": "<abc@mail.example>"}
    if "resend" in url:
        return {"id": "re-1"}
    return {"status": "success"} if "manychat" in url else {"sid": "SM1", "status": "queued"}


@pytest.fixture
def wire(environment: pytest.MonkeyPatch, world, test_clock: clock.TestClock) -> Iterator[Wire]:
    """All vendors behind one wire, on a Monday at noon in Mexico."""
    for name, value in CONFIGURED.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = test_clock.moment.replace(hour=18)
    wire = Wire()
    environment.setattr(http, "HTTPAdapter", lambda **_more: wire)
    rest_client.drop_connections()
    yield wire
    rest_client.drop_connections()


def test_mail_by_brevo(wire: Wire) -> None:
    """Both parts, the way out in header and text, and an idempotency key; its id is kept as the webhooks name it."""
    enqueue(message("email"))
    sent_body = wire.body()
    assert (sent_body["to"], sent_body["subject"]) == ([{"email": ANA_EMAIL}], "Ana, ¿lo vemos esta semana?")
    assert sent_body["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent_body["headers"]["List-Unsubscribe"].strip("<>") in sent_body["textContent"]
    assert sent_body["headers"]["idempotencyKey"]
    assert deliveries()[0].result == {"id": "abc@mail.example"}


def test_mail_by_resend_again_is_the_same_request(wire: Wire, test_clock: clock.TestClock) -> None:
    """Resend refuses another content with the same key, so the second try is the first one to the letter."""
    wire.answers = [(502, {})]
    enqueue(message("email", provider="resend"))
    test_clock.advance(minutes=1)
    carry_out()
    first, second = wire.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body
    assert deliveries()[0].result == {"id": "re-1"}


def test_whatsapp_outside_the_window_is_an_approved_template(wire: Wire) -> None:
    """With its numbered variables, and a callback that names the delivery."""
    enqueue(message())
    sent_body = wire.body()
    assert (sent_body["To"], sent_body["From"]) == (f"whatsapp:{ANA_PHONE}", "whatsapp:+525500000002")
    assert (sent_body["ContentSid"], "Body" in sent_body) == ("HX1", False)
    assert json.loads(sent_body["ContentVariables"]) == {"1": "Ana", "2": "ventas", "3": "https://reservas.example/17"}
    assert sent_body["StatusCallback"] == f"https://puente.example/api/twilio/status?d={deliveries()[0].id}#rc=5&rp=all"


def test_whatsapp_inside_the_window_is_free_text(wire: Wire) -> None:
    """After they have written to us."""
    transact(lambda session: wrote_to_us(session, digests.digest_of_address(ANA_PHONE), "whatsapp", clock.now()))
    enqueue(message())
    assert "Hola, Ana." in wire.body()["Body"]


def test_whatsapp_without_an_approved_template_is_not_even_tried(wire: Wire) -> None:
    """It would be accepted, and fail later with 63016."""
    enqueue(message(template="booking_confirmation", variables=_booking()))
    assert wire.requests == []
    assert deliveries()[0].reason == "no-whatsapp-template"


def test_sms_in_local_time(wire: Wire) -> None:
    """The instant of the meeting, as the recipient reads it."""
    enqueue(message("sms", template="booking_confirmation", variables=_booking()))
    assert "jueves 5 de marzo a las 10:00 h" in wire.body()["Body"]
    enqueue(message("sms", template="booking_confirmation", variables=_booking(), to="+34612345678", dedupe_key="k2"))
    assert "jueves 5 de marzo a las 17:00 h" in wire.body()["Body"]


def test_call_asks_for_its_script_and_for_machines(wire: Wire) -> None:
    """The addresses are ours, and name the delivery."""
    enqueue(message("voice"))
    sent_body = wire.body()
    assert sent_body["Url"].startswith(f"https://puente.example/api/twilio/voice?d={deliveries()[0].id}&c=")
    assert (sent_body["From"], sent_body["MachineDetection"]) == ("+525500000001", "DetectMessageEnd")


def test_call_whose_answer_was_lost_is_found(wire: Wire, test_clock: clock.TestClock) -> None:
    """Twilio lists it, so nobody is called twice."""
    made = clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000")
    call = {"sid": "CA7", "status": "in-progress", "direction": "outbound-api", "date_created": made}
    wire.answers = [(504, {}), (200, {"calls": [call]})]
    enqueue(message("voice"))
    test_clock.advance(minutes=1)
    carry_out()
    assert [request.method for request in wire.requests] == ["POST", "GET"]
    assert (deliveries()[0].state, deliveries()[0].result) == (State.DONE, {"id": "CA7", "found": True})


def test_manychat(wire: Wire) -> None:
    """Text into the conversation of a subscriber."""
    enqueue(message("manychat", to="123456"))
    sent_body = wire.body()
    assert sent_body["subscriber_id"] == 123456
    assert "Hola, Ana." in sent_body["data"]["content"]["messages"][0]["text"]
    assert deliveries()[0].state == State.DONE


def _booking() -> dict[str, str]:
    return {
        "first_name": "Ana",
        "starts_at": "2026-03-05T16:00:00Z",
        "meeting_url": "https://reuniones.example/1",
        "reschedule_url": "https://reservas.example/1",
    }
