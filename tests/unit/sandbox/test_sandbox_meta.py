"""The stand-in for Meta: it refuses what Meta refuses, and does what Meta does to those who do not look."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from sandbox.meta import Meta
from sandbox.meta.server import APP_SECRET, NUMBERS, TOKEN
from tests.support.sandbox import call, wired

OURS = next(iter(NUMBERS))
TEXT = {"messaging_product": "whatsapp", "to": "525512345678", "type": "text", "text": {"body": "Hola"}}


@pytest.fixture
def meta(test_clock) -> Meta:
    """On the test's clock; its webhooks wait on `courier`'s wire."""
    vendor, _, wire = wired(Meta())
    vendor.wire = wire
    return vendor


def post(meta: Meta, body: Any, number: str = OURS, token: str = TOKEN) -> tuple[int, Any]:
    """Send a message; the status and the answer."""
    answer = meta.answer(call("POST", f"/v23.0/{number}/messages", body, authorization=f"Bearer {token}"))
    return answer.status, json.loads(answer.body)


def reported(meta: Meta) -> list[dict[str, Any]]:
    """The values of the changes that wait to be delivered, oldest first."""
    return [json.loads(hook.body)["entry"][0]["changes"][0]["value"] for hook in meta.wire.sent]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"messaging_product": "sms"}, 100),
        ({"to": ""}, 131008),
        ({"to": "", "recipient": "525512345678"}, 131009),
        ({"text": {"body": ""}}, 100),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"type": "dance"}, 131051),
        ({"type": "image", "image": {}}, 131009),
        ({"type": "template", "template": {"name": "x"}}, 131008),
        ({"type": "interactive", "interactive": {"type": "button", "body": {"text": "x"}, "action": {"buttons": []}}}, 131009),
    ],
)
def test_what_meta_refuses_is_refused(meta: Meta, change: dict[str, Any], code: int) -> None:
    """With its code."""
    status, answer = post(meta, TEXT | change)
    assert (status, answer["error"]["code"]) == (400, code)


def test_a_token_and_a_number_that_are_not_ours(meta: Meta) -> None:
    """190, and 100 with the subcode 33."""
    assert post(meta, TEXT, token="x")[1]["error"]["code"] == 190
    refused = post(meta, TEXT, number="1")[1]["error"]
    assert (refused["code"], refused["error_subcode"]) == (100, 33)


def test_free_text_outside_the_window_is_taken_and_fails_later(meta: Meta) -> None:
    """By a status with 131047."""
    assert post(meta, TEXT)[0] == 200
    (value,) = reported(meta)
    assert value["statuses"][0]["errors"][0]["code"] == 131047


def test_a_user_id_in_to_is_taken_and_nobody_gets_it(meta: Meta) -> None:
    """No status ever comes."""
    status, answer = post(meta, TEXT | {"to": "MX.7788abc"})
    assert (status, bool(answer["messages"][0]["id"]), reported(meta)) == (200, True, [])


def test_what_is_sent_is_signed_over_its_own_bytes(meta: Meta) -> None:
    """ASCII, with `@` and `/` escaped."""
    meta.act("reply", {"from": "+525512345678", "text": "¿a@b.mx/?"})
    (hook,) = meta.wire.sent
    assert b"\\u00bfa\\u0040b.mx\\/?" in hook.body
    digest = hmac.new(APP_SECRET.encode(), hook.body, hashlib.sha256).hexdigest()
    assert meta.signature(hook)["X-Hub-Signature-256"] == f"sha256={digest}"


def test_statuses_are_lean_by_turns(meta: Meta) -> None:
    """A reader that needs the contacts, the price or the recipient fails on some of them."""
    meta.act("reply", {"from": "+525512345678", "text": "Hola"})
    for _again in range(6):
        post(meta, TEXT)
    values = [value for value in reported(meta) if "statuses" in value]
    for there in ("recipient_id", "pricing"):
        assert {there in value["statuses"][0] for value in values} == {True, False}
    assert {"contacts" in value for value in values} == {True, False}


def test_a_template_must_be_filled_whole(meta: Meta) -> None:
    """Too few parameters are 132000, an empty one 131009, a paused one 132015; an unknown one is refused where it is strict."""
    meta.act("template", {"name": "promo", "body": "Hola, {{1}}: {{2}}"})

    def sent(values: list[str], name: str = "promo") -> int:
        parts = [{"type": "body", "parameters": [{"type": "text", "text": value} for value in values]}]
        template = {"name": name, "language": {"code": "es_MX"}, "components": parts}
        answer = post(meta, TEXT | {"type": "template", "template": template})[1]
        return int(answer.get("error", {}).get("code", 0))

    assert [sent(values) for values in (["a", "b"], ["a"], ["a", " "], ["a", "b\nc"])] == [0, 132000, 131009, 131009]
    assert sent([], "other") == 0
    meta.act("strict", {"on": True})
    assert sent([], "other") == 132001
    meta.act("template", {"name": "promo", "body": "Hola, {{1}}: {{2}}", "status": "PAUSED"})
    assert sent(["a", "b"]) == 132015


def test_a_person_taps_what_a_message_offers_in_the_inbox(meta: Meta) -> None:
    """The inbox has a button for each; another option is refused."""
    meta.act("reply", {"from": "+525512345678", "name": "Ana", "text": "Hola"})
    buttons = [{"type": "reply", "reply": {"id": "si", "title": "Sí"}}]
    post(
        meta,
        TEXT
        | {"type": "interactive", "interactive": {"type": "button", "body": {"text": "¿?"}, "action": {"buttons": buttons}}},
    )
    item = next(one for one in meta.inbox() if not one.incoming)
    assert (item.person, item.name, item.deeds[0].label) == ("+525512345678", "Ana", "Sí")
    meta.act(item.deeds[0].action, {"id": item.id, **item.deeds[0].given})
    assert reported(meta)[-1]["messages"][0]["interactive"]["button_reply"] == {"id": "si", "title": "Sí"}
    with pytest.raises(ValueError, match="si"):
        meta.act("tap", {"id": item.id, "option": "no"})


def test_it_goes_on_after_a_restart(meta: Meta) -> None:
    """With what it knew."""
    meta.act("reply", {"from": "+525512345678", "text": "Hola"})
    again = Meta()
    again.restore(json.loads(json.dumps(meta.dump())))
    assert [one.text for one in again.inbox()] == ["Hola"]
