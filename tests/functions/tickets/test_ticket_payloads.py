"""What brings tickets: Twilio, Meta, programs of the company, and the company's own WhatsApp number."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import pytest
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from functions.tickets import media
from functions.tickets.payloads import TicketMessages
from functions.tickets.payloads import read as read_request
from shared import queues
from shared.errors import PermanentError
from shared.messages.outcomes import notify_received
from shared.settings import get_settings
from shared.store.message_models import ReceivedMessage
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.functions.tickets.conftest import URL, Till
from tests.support import loops, pictures
from tests.support.functions import named
from tests.support.messages import ANA_PHONE
from tests.support.payloads import payload
from tests.support.world import LOCAL_KEY, Out, request
from tests.unit.web.calls import Api

ADMIN = {"name": "local", "key": LOCAL_KEY, "scopes": ["admin"]}


def read(body: Any, content_type: str = "application/json") -> TicketMessages:
    """What is taken out of a request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return TicketMessages.model_validate(read_request(request(raw, {"content-type": content_type}), raw))


def test_form_of_twilio(environment: pytest.MonkeyPatch) -> None:
    """Its number, its name, each of its files."""
    form = {"From": "whatsapp:+5215512345678", "MessageSid": "MM1", "Body": "taxi", "ProfileName": "Ana", "NumMedia": "2"}
    form |= {f"MediaUrl{number}": f"https://api.twilio.com/{number}" for number in (0, 1)}
    found = read(urlencode(form).encode(), "application/x-www-form-urlencoded")
    (message,) = found.messages
    assert (message.source, message.sender, message.text, len(message.media)) == ("twilio", ANA_PHONE, "taxi", 2)
    assert (found.event_id(), found.subject()) == ("twilio:MM1", ANA_PHONE)


def test_batch_of_meta(environment: pytest.MonkeyPatch) -> None:
    """The id of the file, for two-step media; caption, name and time; statuses are no messages."""
    body = payload("tickets.message", "meta")
    found = read(body)
    (message,) = found.messages
    assert (message.source, message.sender, message.sender_name, message.text) == ("meta", ANA_PHONE, "Ana", "taxi")
    assert (message.media[0].id, found.event_id()) == ("1479537139650973", "meta:wamid.HBg1")
    body["entry"][0]["changes"][0]["value"] = {"statuses": [{"id": "wamid.1", "status": "read"}]}
    assert read(body).messages == []


@pytest.mark.parametrize(
    "body",
    [
        {"MediaUrl0": "https://x.example/1"},
        {"media": {"url": "https://x.example/1"}},
        {"image_url": " https://x.example/1 "},
        {"media_url": "https://x.example/1"},
    ],
)
def test_object_under_the_names_of_the_replaced_flow(environment: pytest.MonkeyPatch, body: dict[str, Any]) -> None:
    """The first address that is there."""
    (message,) = read(body | {"from": "55 1234 5678", "id": 7}).messages
    assert (message.media[0].url, message.sender, message.message_id) == ("https://x.example/1", ANA_PHONE, "7")


@pytest.mark.parametrize("url", ["no address", "file:///etc/passwd", "ftp://x.example/1"])
def test_address_of_nothing_is_refused(till: Till, url: str) -> None:
    """422, and the sender is told what is missing."""
    answer = till.world.post("tickets", {"MediaUrl0": url, "From": f"whatsapp:{ANA_PHONE}"})
    assert (answer.status_code, till.tickets) == (422, [])


def signed(body: bytes, headers: dict[str, str], path: str = "/api/v1/tickets/webhook") -> int:
    """The status of a provider's request, which Puente sees under its public address."""
    sent = func.HttpRequest(method="POST", url=f"https://puente.example{path}", headers=headers, body=body)
    status: int = loops.run(named("tickets_webhook")(sent, Out())).status_code
    return status


@pytest.mark.parametrize(
    ("of", "status"), [("own", 202), ("another-form", 401), ("another-address", 401), ("no-token", 401), ("none", 401)]
)
def test_form_of_twilio_is_signed(till: Till, of: str, status: int) -> None:
    """By Twilio's own validator; a form that was altered, meant for another address, or signed by nobody is refused."""
    form = {"From": f"whatsapp:{ANA_PHONE}", "MessageSid": "MM1", "Body": "taxi", "NumMedia": "0"}
    address = f"https://puente.example/api/v1/{'payments' if of == 'another-address' else 'tickets'}/webhook"
    token = "token-de-otro" if of == "no-token" else "token-de-twilio"
    signature = RequestValidator(token).compute_signature(address, form)
    body = urlencode(form | ({"Body": "avión"} if of == "another-form" else {})).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert signed(body, headers | ({} if of == "none" else {"X-Twilio-Signature": signature})) == status


@pytest.mark.parametrize(
    ("secret", "altered", "status"),
    [("secreto-de-meta", False, 202), ("otro", False, 401), ("secreto-de-meta", True, 401), ("", False, 401)],
)
def test_batch_of_meta_is_signed(till: Till, secret: str, altered: bool, status: int) -> None:  # noqa: FBT001  # a table
    """Over the very bytes; the replaced flow took a request without a signature."""
    raw = json.dumps(payload("tickets.message", "meta")).encode()
    headers = {"content-type": "application/json"}
    if secret:
        headers["X-Hub-Signature-256"] = f"sha256={hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}"
    assert signed(raw + (b" " if altered else b""), headers) == status


@pytest.mark.parametrize("way", ["header", "end", "hand", "nobody", "another-scope"])
def test_address_and_start_of_the_replaced_flow(till: Till, environment: pytest.MonkeyPatch, way: str) -> None:
    """With the key in the header or at the end of the old address, or by hand; a ticket is booked as by the new address."""
    scopes = ["webhook:leads"] if way == "another-scope" else ["webhook:tickets"]
    environment.setenv("API_KEYS", json.dumps([{"name": "crm", "key": "crm-key", "scopes": scopes}, ADMIN]))
    get_settings.cache_clear()
    till.files[URL] = pictures.jpeg()
    body = {"MediaUrl0": URL, "From": f"whatsapp:{ANA_PHONE}", "MessageSid": "MM1", "openai_api_key": "sk-secret"}
    if way == "hand":
        environment.setattr(queues, "send", till.world.storage.send)
        asked = {"namespace": "company.team", "flowId": "whatsapp_ticket_to_sheet_doc", "inputs": body}
        status = Api().post("/api/v1/executions/trigger", key=LOCAL_KEY, body=asked).status
    else:
        headers = {"content-type": "application/json"} | (
            {"x-api-key": "crm-key"} if way in ("header", "another-scope") else {}
        )
        route = {"namespace": "workflows", "key": "crm-key" if way == "end" else ""}
        sent = func.HttpRequest(method="POST", url="/", headers=headers, route_params=route, body=json.dumps(body).encode())
        out = Out()
        status = loops.run(named("tickets_old_webhook")(sent, out)).status_code
        if out.value is not None:
            till.world.storage.send("events-queue", out.value)
    till.settle()
    if way in ("nobody", "another-scope"):
        assert (status, till.tickets) == (401 if way == "nobody" else 403, [])
    else:
        assert (status, till.ticket.status, str(till.ticket.total)) == (202, "booked", "116.00")


def received(**more: Any) -> int:
    """A message to the company's number is kept, and its number."""
    photo = {"type": "image/jpeg", "url": f"{URL}/9", "id": "", "name": ""}
    values = {"provider": "twilio", "vendor_id": "MM9", "channel": "whatsapp", "sender": ANA_PHONE, "text": "comida"}

    def work(session: Any) -> int:
        from shared import clock

        row = ReceivedMessage(
            **values | {"media": [photo], "state": "unread", "received_at": clock.now(), "kind": "image"} | more
        )
        session.add(row)
        session.flush()
        notify_received(session, row.id)
        notify_received(session, row.id)
        return int(row.id)

    return transact(work)


def test_photo_to_the_companys_number_is_a_ticket_of_those_who_send_them(till: Till) -> None:
    """Once, however often the listeners are called; nobody has to answer the message."""
    till.files[f"{URL}/9"] = pictures.jpeg()
    received()
    till.settle()
    assert (till.ticket.status, till.ticket.person, till.ticket.note) == ("booked", "Ana Peña", "comida")


def test_photo_of_anybody_else_is_a_message_like_any_other(till: Till) -> None:
    """A customer's picture is no expense."""
    received(sender="+525587654321")
    assert till.tickets == []


def test_voice_message_is_no_ticket(till: Till) -> None:
    """Nor a sticker, nor a film."""
    received(media=[{"type": "audio/ogg", "url": f"{URL}/9", "id": "", "name": ""}])
    assert till.tickets == []


def test_words_to_the_companys_number_answer_the_question(till: Till) -> None:
    """The same as those over the flow's own address."""
    till.photo(printed={"total": "118.00"})
    received(media=[], text="116", kind="text")
    till.settle()
    assert (till.ticket.status, str(till.ticket.total)) == ("booked", "116.00")


@pytest.mark.parametrize("other", [{"wish": "stop", "text": "BAJA"}, {"state": "answered", "text": "116"}])
def test_words_that_are_meant_for_somebody_else_answer_nothing(till: Till, other: dict[str, Any]) -> None:
    """A stop, and what another question has taken already."""
    till.photo(printed={"total": "118.00"})
    received(media=[], kind="text", **other)
    assert (till.ticket.status, till.asked_again()) == ("asking", 0)


def test_photo_while_something_is_asked_is_a_ticket_and_no_answer(till: Till) -> None:
    """It costs no retry: the question waits on, and the photo is read."""
    till.photo(printed={"total": "118.00"})
    till.files[f"{URL}/9"] = pictures.jpeg()
    received(text="")
    till.settle()
    assert [one.status for one in till.tickets] == ["asking", "booked"]
    assert till.asked_again() == 0


def test_words_of_before_the_question_answer_nothing(till: Till) -> None:
    """Meta says when something was written, and may bring it late."""
    from datetime import timedelta

    till.photo(printed={"total": "118.00"})
    asked_at = till.ticket.asked_at
    assert asked_at is not None
    received(media=[], kind="text", text="116", received_at=asked_at - timedelta(minutes=1))
    assert till.ticket.status == "asking"


@pytest.mark.parametrize(("quoted", "status"), [("another", "asking"), ("the question", "booked")])
def test_words_that_quote_another_message_answer_nothing(
    till: Till, environment: pytest.MonkeyPatch, quoted: str, status: str
) -> None:
    """They belong to that one; those that quote the question are its answer."""
    till.photo(printed={"total": "118.00"})
    with reading() as session:
        asked = session.scalars(select(Delivery.id).where(Delivery.target == "twilio")).one()
    number = asked if quoted == "the question" else asked + 1000
    environment.setattr("shared.messages.statuses.delivery_of", lambda _session, _provider, _vendor_id: number)
    received(media=[], kind="text", text="116", quoted_id="SM1")
    till.settle()
    assert till.ticket.status == status


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/1",
        "https://user@files.example/1",
        "https://files.example:8443/1",
        "https://169.254.169.254/metadata",
        "https://evil.example/files.example",
    ],
)
def test_nothing_is_fetched_from_elsewhere(environment: pytest.MonkeyPatch, url: str) -> None:
    """The hosts of TICKETS_MEDIA_HOSTS alone, over HTTPS; no address of the message leads anywhere else."""
    environment.setenv("TICKETS_MEDIA_HOSTS", '["files.example"]')
    get_settings.cache_clear()
    with pytest.raises(PermanentError) as refused:
        media.download({"provider": "api", "url": url})
    assert refused.value.reason == "media-wrong-host"
