"""ManyChat's API: what is sent, and that an error is one whatever its status says."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from shared.errors import PermanentError, PuenteError, RetryableError, ThrottledError, UnavailableError, UncertainError
from shared.messages.providers.manychat import ManyChat, text_content
from tests.unit.vendors.network import Answer, FakeNetwork, cut, html

DONE = Answer(200, {"status": "success"})


def manychat(network: FakeNetwork) -> ManyChat:
    return ManyChat("https://api.manychat.invalid", "1:t0ken", network)


def failed(status: int = 400, **details: Any) -> Answer:
    return Answer(status, {"status": "error", "message": "Validation error", "details": details})


def test_every_writing_call() -> None:
    """Paths, the subscriber as a number, the key as bearer."""
    network = FakeNetwork(DONE)
    vendor = manychat(network)
    vendor.send_content("123", text_content(["Hola", "¿Sigues ahí?"], "whatsapp"), message_tag="ACCOUNT_UPDATE")
    vendor.send_content("123", text_content(["x"] * 12))
    vendor.send_flow("123", "content2026_1")
    vendor.set_field("123", "Estado", "Agendado")
    vendor.add_tag("123", "cliente")
    assert [urlsplit(str(request.url)).path for request in network.requests] == [
        "/fb/sending/sendContent",
        "/fb/sending/sendContent",
        "/fb/sending/sendFlow",
        "/fb/subscriber/setCustomFieldByName",
        "/fb/subscriber/addTagByName",
    ]
    messages = [{"type": "text", "text": "Hola"}, {"type": "text", "text": "¿Sigues ahí?"}]
    assert network.bodies[0] == {
        "subscriber_id": 123,
        "data": {"version": "v2", "content": {"messages": messages, "type": "whatsapp"}},
        "message_tag": "ACCOUNT_UPDATE",
    }
    assert network.bodies[1]["data"] == {"version": "v2", "content": {"messages": [{"type": "text", "text": "x"}] * 10}}
    assert network.bodies[2:] == [
        {"subscriber_id": 123, "flow_ns": "content2026_1"},
        {"subscriber_id": 123, "field_name": "Estado", "field_value": "Agendado"},
        {"subscriber_id": 123, "tag_name": "cliente"},
    ]
    assert {request.headers["Authorization"] for request in network.requests} == {"Bearer 1:t0ken"}


def test_reading() -> None:
    """By id; by address, and by number where the address finds nobody (ManyChat says so with an empty list)."""
    found = Answer(200, {"status": "success", "data": {"id": "123", "name": "Ana"}})
    network = FakeNetwork(found)
    assert manychat(network).get_info("123") == {"id": "123", "name": "Ana"}
    assert urlsplit(str(network.requests[0].url)).query == "subscriber_id=123"
    network = FakeNetwork(Answer(200, {"status": "success", "data": []}), found)
    assert manychat(network).find_subscriber(email="ana@example.com", phone="+5215512345678") == {"id": "123", "name": "Ana"}
    asked = [dict(parse_qsl(urlsplit(str(request.url)).query)) for request in network.requests]
    assert asked == [{"email": "ana@example.com"}, {"phone": "+5215512345678"}]


def test_nobody_is_found() -> None:
    """With nothing to look for, nothing is asked."""
    network = FakeNetwork(Answer(200, {"status": "success", "data": None}))
    assert manychat(network).find_subscriber(phone="+52") is None
    assert len(network.requests) == 1
    assert manychat(network).find_subscriber() is None
    assert len(network.requests) == 1


@pytest.mark.parametrize(
    ("step", "error", "reason"),
    [
        (failed(messages=[{"code": 3011, "message": "x"}]), PermanentError, "manychat-outside-window"),
        (failed(200, messages=[{"code": 3031}]), PermanentError, "manychat-outside-window"),
        (failed(messages=[{"code": 3044}]), PermanentError, "manychat-3044"),
        (failed(messages=[{"message": "wrong subscriber"}]), PermanentError, "manychat-refused"),
        (failed(messages="odd"), PermanentError, "manychat-refused"),
        (failed(200), PermanentError, "manychat-refused"),
        (Answer(401, {"status": "error"}), UnavailableError, None),
        (Answer(429), ThrottledError, None),
        (Answer(500), UncertainError, None),
        (html(), UncertainError, None),
        (requests.ReadTimeout(), UncertainError, None),
    ],
)
def test_each_failure_of_a_sending_is_judged(step: Answer | Exception, error: type[PuenteError], reason: str | None) -> None:
    """By its code; an error that comes with 200 is one as well."""
    with pytest.raises(error) as caught:
        manychat(FakeNetwork(step)).send_flow("123", "f")
    assert getattr(caught.value, "reason", None) == reason
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize("step", [Answer(500), html(), cut()])
def test_setting_may_be_repeated(step: Answer | Exception) -> None:
    """A field that may or may not have been set is set again later."""
    with pytest.raises(RetryableError):
        manychat(FakeNetwork(step)).set_field("123", "Estado", "x")


@pytest.mark.parametrize("subscriber", ["", "abc", "-1", "\uff11"])
def test_an_id_that_is_none_is_not_sent(subscriber: str) -> None:
    """ManyChat's ids are digits."""
    network = FakeNetwork(DONE)
    with pytest.raises(PermanentError) as caught:
        manychat(network).add_tag(subscriber, "x")
    assert caught.value.reason == "manychat-invalid-subscriber"
    assert not network.requests
