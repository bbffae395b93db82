"""The sandbox's senders answer whatever they are sent, in the way of their APIs, and their webhooks can always be signed."""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import brevo, captcha, manychat, resend
from sandbox.shelf import Shelved
from sandbox.twilio import Twilio
from sandbox.twilio.resources import ACCOUNT, TOKEN
from sandbox.vendor import Call, Reply, UnknownActionError
from tests.support.sandbox import wired

pytestmark = pytest.mark.slow

ROOT = f"/2010-04-01/Accounts/{ACCOUNT}"
BASIC = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
VENDORS: Mapping[str, tuple[Callable[[], Shelved], dict[str, str], list[str]]] = {
    "twilio": (Twilio, {"Authorization": BASIC}, [f"{ROOT}/Messages.json", f"{ROOT}/Calls.json", f"{ROOT}/Calls/CA0.json"]),
    "brevo": (brevo.Brevo, {"api-key": brevo.API_KEY}, ["/v3/smtp/email", "/v3/smtp/statistics/events", "/v3/smtp/emails"]),
    "resend": (resend.Resend, {"Authorization": f"Bearer {resend.API_KEY}"}, ["/emails", "/emails/x"]),
    "manychat": (
        manychat.ManyChat,
        {"Authorization": f"Bearer {manychat.API_KEY}"},
        [
            "/fb/sending/sendContent",
            "/fb/sending/sendFlow",
            "/fb/subscriber/setCustomFields",
            "/fb/subscriber/setCustomFieldByName",
            "/fb/subscriber/addTagByName",
            "/fb/subscriber/getInfo",
            "/fb/subscriber/findBySystemField",
        ],
    ),
    "captcha": (captcha.Captcha, {}, [captcha.TURNSTILE, captcha.RECAPTCHA]),
}
# Good requests, of which any part may be left out or be something else; and words that look nearly right.
GOOD: Mapping[str, dict[str, Any]] = {
    "twilio": {
        "To": "+525512345678", "From": "+525500000001", "Body": "Hola", "Url": "https://a.example/v",
        "StatusCallback": "http://a.example/s",
    },
    "brevo": {
        "sender": {"email": "a@x.example"}, "to": [{"email": "b@x.example"}],
        "subject": "s", "htmlContent": "h", "textContent": "t",
        "headers": {"idempotencyKey": "5b0c9f0e-5d7c-4d1c-9a55-0f6a2c1c7d11"}, "tags": ["t"],
        "replyTo": {"email": "c@x.example"},
    },
    "resend": {
        "from": "a@x.example", "to": ["b@x.example"], "subject": "s", "html": "h", "text": "t", "reply_to": "c@x.example",
        "headers": {"X-A": "b"}, "tags": [{"name": "n", "value": "v"}],
    },
    "manychat": {
        "subscriber_id": 7,
        "data": {"version": "v2", "content": {"messages": [{"type": "text", "text": "t"}], "type": "instagram"}},
        "flow_ns": "f", "fields": [{"field_name": "n", "field_value": 1}], "field_name": "n", "field_value": 1, "tag_name": "t",
    },
    "captcha": {"secret": captcha.SECRET, "response": "sandbox-person-1"},
}  # fmt: skip
WORDS = st.text(max_size=12) | st.sampled_from(
    [
        *(
            "",
            "77",
            "-1",
            "99999999999999999999",
            "v2",
            "2026-02-31",
            "GET",
            "Enable",
            "{",
            "[]",
            '{"1": "Ana"}',
            "HX" + "0" * 32,
        ),
        *(
            "+525512345678",
            "whatsapp:+525512345678",
            "ana@example.com",
            "Ana <ana@example.com>",
            "<Response><Say>x</Say></Response>",
        ),
        *(
            "http://[",
            "http://[x",
            "http://x:99999/a",
            "https://puente.example/a?b=1",
            "/a",
            captcha.SECRET,
            "sandbox-person-1",
        ),
    ]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
MORE = (
    "ContentSid",
    "ContentVariables",
    "Twiml",
    "Method",
    "MachineDetection",
    "AsyncAmd",
    "StatusCallbackEvent",
    "MessagingServiceSid",
)
QUERY = (
    "To",
    "From",
    "PageSize",
    "Page",
    "DateSent>",
    "StartTime<",
    "limit",
    "offset",
    "email",
    "phone",
    "subscriber_id",
    "tags",
)


@st.composite
def bodies(draw: st.DrawFn, name: str) -> bytes:
    """A good request with up to three parts replaced, as JSON or as a form; now and then anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=30))
    good = GOOD[name]
    changed = draw(st.dictionaries(st.sampled_from([*good, *(MORE if name == "twilio" else ())]), VALUES, max_size=3))
    left_out = draw(st.sets(st.sampled_from(sorted(good)), max_size=1))
    body_given = {key: value for key, value in (good | changed).items() if key not in left_out}
    if name in ("twilio", "captcha"):
        return urlencode({key: str(value) for key, value in body_given.items()}, errors="replace").encode()
    return json.dumps(body_given).encode()


@pytest.mark.parametrize("name", VENDORS)
@given(data=st.data())
def test_every_request_is_answered(name: str, data: st.DataObject) -> None:
    """With a status of HTTP, JSON where it is said to be, and webhooks that are signed without a fault; so is what follows."""
    make, headers, paths = VENDORS[name]
    vendor, _, wire = wired(make())
    for _ in range(2):
        call = Call(
            method=data.draw(st.sampled_from(["POST", "POST", "GET", "DELETE"])),
            path=data.draw(st.sampled_from(paths)),
            headers={**headers, "Content-Type": data.draw(st.sampled_from(["application/json", "text/plain"]))},
            query=data.draw(st.dictionaries(st.sampled_from(QUERY), WORDS, max_size=3)),
            body=data.draw(bodies(name)),
        )
        answer = vendor.answer(call)
        assert 200 <= answer.status < 500
        assert isinstance(json.loads(answer.body), dict)
        assert vendor.what(call)
    reply = Reply(status=200, body=data.draw(st.binary(max_size=20)))
    while wire.sent:
        webhook = wire.sent.pop()
        assert all(isinstance(value, str) for value in wire.headers(webhook).values())
        vendor.on_reply(webhook, reply)
    json.dumps(vendor.dump())
    assert len(vendor.inbox()) <= 2
    assert vendor.board()


@pytest.mark.parametrize("name", VENDORS)
@given(
    given_=st.dictionaries(
        st.sampled_from(["id", "to", "from", "text", "outcome", "status", "error", "link", "channel"]), VALUES
    )
)
def test_every_action_is_done_or_refused(name: str, given_: dict[str, Any]) -> None:
    """Whatever it is given; and what it has done can be kept and seen."""
    vendor, _, _ = wired(VENDORS[name][0]())
    for action in (*vendor.actions, "dance"):
        with suppress(ValueError, UnknownActionError):
            json.dumps(vendor.act(action, given_))
    json.dumps(vendor.dump())
    assert vendor.inbox() is not None
