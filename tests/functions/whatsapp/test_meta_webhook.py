"""Meta's webhook: who may knock, what a request may hold, and that every part of it counts once."""

import hashlib
import hmac
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

from functions.whatsapp.payloads import MetaEvents
from sandbox.meta import webhooks
from sandbox.meta.server import APP_SECRET, NUMBERS, VERIFY_TOKEN
from sandbox.vendor import Webhook
from shared.messages import consent, numbers
from shared.messages.providers import meta_events
from shared.settings import get_settings
from shared.store.models import InboxEvent
from shared.store.session import reading
from tests.functions.whatsapp.conftest import Town, asking, received, statuses
from tests.support import loops
from tests.support.functions import named
from tests.support.messages import ANA_PHONE, enqueue
from tests.support.payloads import payload
from tests.support.world import Out

OURS = next(iter(NUMBERS))


@pytest.fixture(autouse=True)
def _settings(environment: pytest.MonkeyPatch) -> None:
    """Our numbers are asked for where a body is read."""
    get_settings.cache_clear()


def read(body: Any) -> dict[str, Any]:
    """What the webhook makes of a body, checked as its payload."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    found = meta_events.read(func.HttpRequest(method="POST", url="/", headers=headers, body=raw), raw)
    MetaEvents.model_validate(found)
    return found


def knock(**given: str) -> func.HttpResponse:
    """Meta's question, once, when the address is entered."""
    params = {name.replace("_", ".", 1): value for name, value in given.items()}
    request = func.HttpRequest(method="GET", url="/api/meta/webhook", params=params, body=b"")
    answer: func.HttpResponse = loops.run(named("meta_webhook_check")(request))
    return answer


def change(**parts: Any) -> dict[str, Any]:
    """A request with one change of the field `messages`."""
    return webhooks.changes(("messages", webhooks.value(OURS, NUMBERS[OURS], **parts)))


def text(number: int = 1, **more: Any) -> dict[str, Any]:
    """A message to us."""
    given = {
        "from": "5215512345678",
        "id": f"wamid.{number}",
        "timestamp": "1772442000",
        "type": "text",
        "text": {"body": "Hola"},
    }
    return given | more


def test_the_question_is_answered_with_the_bare_challenge(town: Town) -> None:
    """As plain text, and to nobody who does not know the word."""
    good = {"hub_mode": "subscribe", "hub_verify_token": VERIFY_TOKEN, "hub_challenge": "1158201444"}
    answer = knock(**good)
    assert (answer.status_code, answer.get_body(), answer.mimetype) == (200, b"1158201444", "text/plain")
    for wrong in ({"hub_verify_token": "x"}, {"hub_mode": "x"}, {"hub_challenge": ""}, {"hub_challenge": "x" * 201}):
        assert knock(**good | wrong).status_code == 403
    assert knock().status_code == 403


def test_nobody_is_let_in_without_a_word_of_ours(town: Town, environment: pytest.MonkeyPatch) -> None:
    """An empty word is no word."""
    environment.delenv("META_VERIFY_TOKEN")
    get_settings.cache_clear()
    assert knock(hub_mode="subscribe", hub_verify_token="", hub_challenge="1").status_code == 403


def test_the_signature_is_over_the_bytes_as_they_came(town: Town, tmp_path: Path) -> None:
    """By OpenSSL, over bytes that no serialiser of ours writes; one other byte, and the request is refused."""
    raw = webhooks.written(change(contacts=[], messages=[text(text={"body": "¿Año? ana@example.com"})]))
    assert b"\\u00f1" in raw
    assert b"\\u0040" in raw
    (tmp_path / "body").write_bytes(raw)
    made = ["openssl", "dgst", "-sha256", "-hmac", APP_SECRET, "-hex", str(tmp_path / "body")]
    digest = subprocess.run(made, capture_output=True, text=True, check=True).stdout.rpartition("= ")[2].strip()
    headers = {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}
    codes = []
    for body in (raw, raw.replace(b"\\u0040", b"@"), json.dumps(json.loads(raw)).encode()):
        request = func.HttpRequest(method="POST", url="/api/meta/webhook", headers=headers, body=body)
        codes.append(loops.run(named("meta_webhook")(request, Out())).status_code)
    assert codes == [200, 401, 401]


def test_every_entry_and_change_is_read() -> None:
    """Several people, messages and statuses in one request."""
    body = change(
        contacts=[{"wa_id": "5215512345678", "profile": {"name": "Ana"}}],
        messages=[text(1), text(2, **{"from": "525587654321"})],
    )
    other = change(statuses=[{"id": "wamid.S", "status": "read", "timestamp": "1772442000"}])
    body["entry"] += other["entry"]
    body["entry"][0]["changes"] += change(messages=[text(3)])["entry"][0]["changes"]
    found = read(body)
    assert [(one["vendor_id"], one["sender"], one["sender_name"]) for one in found["messages"]] == [
        ("wamid.1", "+525512345678", "Ana"),
        ("wamid.2", "+525587654321", None),
        ("wamid.3", "+525512345678", None),
    ]
    assert [one["status"] for one in found["statuses"]] == ["opened"]


@pytest.mark.parametrize(
    ("errors", "detail"),
    [
        (
            [{"code": 131026, "title": "Message undeliverable", "error_data": {"details": "The app is too old."}}],
            "131026 Message undeliverable: The app is too old.",
        ),
        ([{"code": 131026, "title": "Undeliverable", "error_data": {"details": "Undeliverable"}}], "131026 Undeliverable"),
        ([{"code": 131026, "title": "To +525512345678 it failed"}], "131026 To … it failed"),
        ([{"code": 131026, "error_data": "x"}], "131026"),
        ([], None),
    ],
)
def test_failure_keeps_metas_own_code_and_words(errors: list[dict[str, Any]], detail: str | None) -> None:
    """Title and details, without what may name a person; what did not fail has none."""
    failed = {"id": "wamid.S", "status": "failed", "timestamp": "1772442000", "errors": errors}
    sent = failed | {"id": "wamid.T", "status": "sent"}
    assert [one["detail"] for one in read(change(statuses=[failed, sent]))["statuses"]] == [detail, None]


def test_what_cannot_be_read_costs_the_rest_nothing() -> None:
    """It is named, without what was in it."""
    bad = [{"type": "text"}, text(1, id=""), {"from": "", "id": "wamid.9", "type": "text"}, "x", None]
    found = read(change(messages=[*bad, text(2)], statuses=[{"id": "wamid.S"}, {"status": "sent"}, 7]))
    assert [one["vendor_id"] for one in found["messages"]] == ["wamid.2"]
    assert [one["what"] for one in found["unread"]] == ["messages"] * 3 + ["statuses"] * 2
    assert "Hola" not in json.dumps(found["unread"])


@pytest.mark.parametrize("body", [{}, {"entry": None}, {"entry": [{}]}, {"entry": [{"changes": [{"field": "x", "value": 7}]}]}])
def test_an_odd_request_is_taken(body: dict[str, Any]) -> None:
    """Whatever Meta adds one day must not cost us the subscription."""
    found = read(body)
    assert found["messages"] == found["statuses"] == []


@pytest.mark.parametrize(
    ("part", "kind", "option", "words"),
    [
        ({"type": "button", "button": {"payload": "p1", "text": "Baja"}}, "button", "p1", "Baja"),
        (
            {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "b", "title": "Sí"}}},
            "button",
            "b",
            "Sí",
        ),
        (
            {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "l", "title": "Z"}}},
            "list",
            "l",
            "Z",
        ),
        ({"type": "interactive"}, "unsupported", None, ""),
        ({"type": "reaction", "reaction": {"message_id": "wamid.Q", "emoji": "👍"}}, "reaction", None, "👍"),
        ({"type": "reaction", "reaction": {"message_id": "wamid.Q"}}, "reaction", None, ""),
        ({"type": "sticker", "sticker": {"id": "7", "mime_type": "image/webp"}}, "sticker", None, ""),
        ({"type": "audio", "audio": {"id": "7", "mime_type": "audio/ogg; codecs=opus"}}, "audio", None, ""),
        ({"type": "document", "document": {"id": "7", "caption": "Factura", "filename": "f.pdf"}}, "document", None, "Factura"),
        ({"type": "location", "location": {"latitude": 1.0, "longitude": 2.0, "name": "Casa"}}, "location", None, "Casa"),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, "unsupported", None, ""),
        ({"type": "dance", "dance": {}}, "unsupported", None, ""),
    ],
)
def test_an_answer_is_found_wherever_it_stands(part: dict[str, Any], kind: str, option: str | None, words: str) -> None:
    """In a text, a button of a message or template, a list, a caption."""
    (found,) = read(change(messages=[text() | {"text": {}} | part]))["messages"]
    assert (found["kind"], found.get("option_id"), found["text"]) == (kind, option, words)
    assert bool(found["media"]) == (kind in ("sticker", "audio", "document"))


@pytest.mark.parametrize(
    ("payload", "words", "wish"),
    [
        ("Unsubscribe", "Ya no quiero ofertas", "stop"),
        ("BAJA", "No me interesa", "stop"),
        ("STOP", None, "stop"),
        ("promo-7", "Baja", "stop"),
        ("ALTA", "Sí, quiero", "start"),
        ("promo-7", "Quiero la oferta", None),
    ],
)
def test_a_stop_is_found_in_either_part_of_a_templates_button(payload: str, words: str | None, wish: str | None) -> None:
    """Who made the template may have written the word where the person does not see it."""
    button = {"payload": payload} | ({} if words is None else {"text": words})
    (found,) = read(change(messages=[text(type="button", button=button)]))["messages"]
    assert found["wish"] == wish


def test_a_reaction_is_no_wish() -> None:
    """Nor is the word in its emoji."""
    (found,) = read(change(messages=[text(type="reaction", reaction={"message_id": "wamid.Q", "emoji": "STOP"})]))["messages"]
    assert (found["wish"], found["ask"], found["quoted_id"]) == (None, False, "wamid.Q")


@pytest.mark.parametrize("sender", [{"from": ""}, {"from": None}, {}])
@pytest.mark.parametrize("contact", [{"user_id": "MX.77"}, {"user_id": "MX.77", "wa_id": ""}])
def test_a_person_without_a_phone_is_their_user_id(sender: dict[str, Any], contact: dict[str, str]) -> None:
    """Absent, null and empty are the same."""
    given = {name: value for name, value in text(from_user_id="MX.77").items() if name != "from"} | sender
    (found,) = read(change(contacts=[contact | {"profile": {"name": "Luz"}}], messages=[given]))["messages"]
    assert (found["sender"], found["user_id"], found["sender_name"]) == ("MX.77", "MX.77", "Luz")


def test_whoever_shows_both_is_found_by_both(town: Town) -> None:
    """The window opens for the number and for the id, and so does a stop count for both."""
    town.says("BAJA", user_id="MX.77")
    with reading() as session:
        for to in (ANA_PHONE, "MX.77"):
            assert consent.takes_free_text(session, to)
            assert consent.held_back(session, replace(asking("b1"), person="somebody", to=to)) == "stop"


def test_the_number_that_they_wrote_to_is_kept(town: Town) -> None:
    """By our id of it; an answer may go from there."""
    second = list(NUMBERS)[1]
    town.act("reply", **{"from": ANA_PHONE}, text="Hola", number=second)
    (row,) = received()
    assert row.whatsapp_number_id == numbers.id_of(NUMBERS[second])
    enqueue(replace(asking("a1"), whatsapp_number_id=row.whatsapp_number_id))
    town.settle()
    assert [one["number"] for one in town.got()] == [second]


def test_a_switch_in_whatsapp_is_a_stop_of_marketing_and_resume_lifts_no_baja(town: Town) -> None:
    """What is part of a purchase still goes; a BAJA stays until the person takes it back in words."""
    marketing = replace(asking("m1"), transactional=False)

    def held() -> tuple[str | None, str | None]:
        with reading() as session:
            return consent.held_back(session, marketing), consent.held_back(session, asking("m2"))

    town.act("prefer", **{"from": ANA_PHONE}, value="stop")
    assert held() == ("unsubscribed", None)
    town.says("BAJA")
    town.act("prefer", **{"from": ANA_PHONE}, value="resume")
    assert held() == ("stop", "stop")


def test_statuses_of_others_and_notices_are_taken_and_change_nothing(town: Town) -> None:
    """Another program may send over the same account."""
    for name in ("statuses", "template_status", "fault"):
        raw = json.dumps(payload("meta.webhook", name)).encode()
        signature = hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        hook = Webhook(what=name, url="/api/meta/webhook", body=raw)
        assert town.take(hook, {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}).status == 200
    town.settle()
    assert statuses() == [("delivered", None), ("failed", "meta-marketing-limit")]
    with reading() as session:
        assert {row.type for row in session.scalars(select(InboxEvent))} == {"meta.webhook"}
        assert all("messages" not in row.data for row in session.scalars(select(InboxEvent)))
