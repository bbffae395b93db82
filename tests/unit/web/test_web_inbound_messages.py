"""What people write, over the API: listed, found by number, and given a state."""

from collections.abc import Callable
from typing import Any

import pytest

from shared import clock
from shared.store.message_models import ReceivedMessage
from shared.store.models import Contact
from tests.unit.web.calls import Api

PATH = "/api/v1/inbound-messages"
ANA = "+525512345678"


def said(vendor_id: str = "SM1", **more: Any) -> ReceivedMessage:
    """A row of what Ana wrote."""
    facts = {"provider": "twilio", "vendor_id": vendor_id, "channel": "whatsapp", "sender": ANA, "text": "¿Qué precio tiene?"}
    return ReceivedMessage(**(facts | {"media": [], "state": "unread", "received_at": clock.now()} | more))


@pytest.fixture
def three(add: Callable[..., Any]) -> None:
    """Three messages, two of them Ana's, who has two contacts (a relative shares the number)."""
    add(Contact(manychat_id="m1", phone=ANA), Contact(manychat_id="m2", phone=ANA), Contact(manychat_id="m3"))
    add(said(), said("SM2", channel="sms", wish="ask"), said("SM3", sender="+525500000000", state="answered"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["SM3", "SM2", "SM1"]),
        ({"state": "unread"}, ["SM2", "SM1"]),
        ({"channel": "sms"}, ["SM2"]),
        ({"wish": "ask"}, ["SM2"]),
        ({"phone": "55 1234 5678", "order": "oldest"}, ["SM1", "SM2"]),
        ({"phone": "+5215512345678"}, ["SM2", "SM1"]),
        ({"since": "2100-01-01"}, []),
        ({"until": "2100-01-01", "limit": "1"}, ["SM3"]),
    ],
)
def test_list(api: Api, three: None, query: dict[str, str], found: list[str]) -> None:
    """Narrowed down by each filter, newest first."""
    assert [item["vendor_id"] for item in api.get(PATH, **query).json["items"]] == found


def test_one_names_the_contacts_of_its_number(api: Api, three: None) -> None:
    """All who share it."""
    item = api.get(f"{PATH}/1").json
    assert (item["text"], item["state"], item["contact_ids"]) == ("¿Qué precio tiene?", "unread", [1, 2])
    assert api.get(f"{PATH}/3").json["contact_ids"] == []
    assert api.get(f"{PATH}/9").status == 404


def test_a_state_is_set_with_the_scope_write(api: Api, three: None) -> None:
    """Reading does not suffice, and reading a message does not mark it."""
    assert api("PATCH", f"{PATH}/1", body={"state": "read"}, key="read-key").status == 403
    answer = api("PATCH", f"{PATH}/1", body={"state": "answered"}, key="write-key")
    assert (answer.status, answer.json["state"]) == (200, "answered")
    assert api.get(PATH, state="unread").json["total"] == 1


def test_two_people_do_not_overwrite_each_other(api: Api, three: None) -> None:
    """Who gives the version that they have seen is told that somebody was quicker."""
    tag = api.get(f"{PATH}/1").headers["etag"]
    assert api("PATCH", f"{PATH}/1", body={"state": "read"}, headers={"if-match": tag}).status == 200
    assert api("PATCH", f"{PATH}/1", body={"state": "answered"}, headers={"if-match": tag}).status == 412


@pytest.mark.parametrize("body", [{"state": "gone"}, {}, {"text": "x"}])
def test_nothing_else_can_be_set(api: Api, three: None, body: dict[str, str]) -> None:
    """What they wrote stays what they wrote."""
    assert api("PATCH", f"{PATH}/1", body=body).status == 422
