"""The door: what is taken in, what is refused with which status, what the message holds."""

import json
import re

import pytest

from functions import contacts, opportunities
from shared import clock, queues
from shared.intake.envelope import parse
from tests.support import loops
from tests.support.world import LOCAL_KEY, Out, contact, opportunity, request

HOOKS = {"contact": (contacts.WEBHOOK, contact), "opportunity": (opportunities.WEBHOOK, opportunity)}
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(params=list(HOOKS))
def hook(request, storage, test_clock):
    """Both webhooks in turn."""
    return request.param


def send(hook, body, headers=None, key=LOCAL_KEY):
    """Answer and message for one request."""
    out = Out()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = loops.run(HOOKS[hook][0].accept(request(raw, headers, key), out))
    return answer, out.value


def good(hook, **more):
    """A body that the webhook takes."""
    return HOOKS[hook][1](**more)


def test_accepted(hook):
    """202 with the event's id, the person and the queue; the message is an event with the whole body."""
    answer, message = send(hook, good(hook, unknown={"kept": [1]}))
    answer_body, event = json.loads(answer.get_body()), parse(message)
    assert answer.status_code == 202
    assert answer_body == {"status": "accepted", "event_id": event.id, "manychat_id": "m1", "queue": HOOKS[hook][0].queue}
    assert (event.data, event.subject, event.received) == (good(hook, unknown={"kept": [1]}), "m1", clock.now())
    assert event.time.isoformat() == "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"key": None}, 401, "unauthorized"),
        ({"key": "wrong"}, 401, "unauthorized"),
        ({"key": "reader"}, 403, "forbidden"),
        ({"body": b"{"}, 400, "bad-json"),
        ({"body": b"[]"}, 400, "bad-json"),
        ({"body": b""}, 400, "bad-json"),
        ({"headers": {"idempotency-key": "x" * 201}}, 400, "bad-idempotency-key"),
        ({"headers": {"idempotency-key": "a\nb"}}, 400, "bad-idempotency-key"),
        ({"headers": {"idempotency-key": "\udcff"}}, 400, "bad-idempotency-key"),
        ({"headers": {"idempotency-key": "🌷" * 101}}, 400, "bad-idempotency-key"),
        ({"body": b'{"a": "' + b"x" * 2_000_000 + b'"}'}, 413, "too-large"),
        ({"headers": {"content-type": "text/xml"}}, 415, "not-json"),
        ({"headers": {"content-encoding": "gzip"}}, 415, "compressed"),
        ({"body": b"{}"}, 422, "invalid-fields"),
        ({"body": b'{"manychat_id": "m\\u0000"}'}, 422, "invalid-fields"),
    ],
)
def test_refused(hook, environment, change, status, reason):
    """Each refusal has its status and its code, is a problem document, and leaves nothing on the queue."""
    keys = [{"name": "local", "key": LOCAL_KEY}, {"name": "reader", "key": "reader", "scopes": ["read"]}]
    environment.setenv("API_KEYS", json.dumps(keys))
    answer, message = send(hook, change.get("body", good(hook)), change.get("headers"), change.get("key", LOCAL_KEY))
    answer_body = json.loads(answer.get_body())
    assert (answer.status_code, answer_body["status"], answer_body["type"]) == (status, status, f"urn:puente:problem:{reason}")
    assert answer.mimetype == "application/problem+json"
    assert message is None


def test_each_wrong_field_is_named_with_its_reason(hook):
    """All at once, by the path in the body, and never with the value that was sent."""
    secret = "4111111111111111"
    body = {"manychat_id": [secret], "nombre_lead": {"x": secret}, "datetime_actual": secret, "state": {"stage_id": [secret]}}
    answer, _ = send(hook, body)
    answer_body = json.loads(answer.get_body())
    fields = {fault["field"].partition(".")[0] for fault in answer_body["errors"]}
    assert fields == ({"manychat_id", "nombre_lead", "datetime_actual"} if hook == "contact" else {"manychat_id", "state"})
    assert all(fault["message"] for fault in answer_body["errors"])
    assert secret not in answer.get_body().decode()


def test_required_fields(hook):
    """Three of a contact, two of an opportunity; everything else may be missing, null or empty."""
    answer, _ = send(hook, {})
    missing = {fault["field"] for fault in json.loads(answer.get_body())["errors"]}
    assert missing == ({"manychat_id", "nombre_lead", "datetime_actual"} if hook == "contact" else {"manychat_id", "state"})
    optional = (
        ["apellido_lead", "whatsapp", "email_lead", "datetime_suscripcion", "ultimo_estado", "canal_entrada", "estado_inicial"]
        if hook == "contact"
        else ["last_name", "phone", "channel", "entry_date", "medical_advisor_id", "commercial_advisor_id"]
    )
    for nothing in (None, "", " "):
        assert send(hook, good(hook) | dict.fromkeys(optional, nothing))[0].status_code == 202


def test_the_same_body_is_the_same_event(hook):
    """However its keys are ordered and spaced."""
    body = good(hook)
    shuffled = json.dumps(dict(reversed(body.items())), indent=2).encode()
    assert parse(send(hook, body)[1]).id == parse(send(hook, shuffled)[1]).id


def test_the_senders_key_is_the_events_id(hook):
    """As it is, without quotes around it."""
    assert parse(send(hook, good(hook), {"idempotency-key": ' "año-1" '})[1]).id == "año-1"


def test_empty_sender_key_is_none(hook):
    """A header without a value says nothing."""
    assert len(parse(send(hook, good(hook), {"idempotency-key": '""'})[1]).id) == 64


def test_undated_event_is_dated_by_its_arrival(storage, test_clock):
    """An opportunity without a date happened when it came in."""
    event = parse(send("opportunity", {"manychat_id": "m1", "stage_manychat": "Comienza AC"})[1])
    assert event.time == event.received == clock.now()


@pytest.mark.parametrize(
    ("given", "kept"),
    [(PARENT, PARENT), ("x" * 60_000, None), ("\udcff", None), ("", None), (PARENT.upper(), None), (PARENT + "\n", None)],
)
def test_trace_is_passed_on_if_it_is_one(hook, given, kept):
    """A W3C trace parent travels with the event; for anything else in that header, whatever its size, a new trace begins."""
    answer, message = send(hook, good(hook), {"traceparent": given})
    assert answer.status_code == 202
    carried = parse(message).traceparent
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", carried)
    assert (carried == given) == (kept is not None)


class TestClaimCheck:
    """What is too large for a queue message goes to a blob, and the message carries the reference."""

    def test_large_body_is_in_the_blob_and_the_message_is_small(self, hook, storage):
        """The data is whole in the blob; the envelope keeps everything else."""
        body = good(hook, big="ñ🌷" * 20_000)
        event = parse(send(hook, body)[1])
        assert event.data is None
        assert json.loads(storage.get_blob(event.dataref)) == body

    def test_each_size_around_the_limit_fits_and_keeps_room(self, hook, storage):
        """A message is never larger than a queue takes, even after it has been put back and replayed."""
        for size in range(queues.MESSAGE_LIMIT_BYTES - 3000, queues.MESSAGE_LIMIT_BYTES + 500, 97):
            event = parse(send(hook, good(hook, big="x" * size))[1])
            for _ in range(10):
                event = event.failed_once_more()
            assert len(event.to_bytes()) <= queues.MESSAGE_LIMIT_BYTES

    def test_the_same_body_again_uses_the_same_blob(self, hook, storage):
        """A sender's repetition leaves one blob."""
        for _ in range(2):
            send(hook, good(hook, big="x" * 60_000))
        assert len(storage.blobs) == 1

    def test_another_body_under_the_same_sender_key_has_its_own_blob(self, hook, storage):
        """Nothing that an accepted event points to is written over."""
        for letter in "ab":
            send(hook, good(hook, big=letter * 60_000), {"idempotency-key": "k"})
        assert len(storage.blobs) == 2

    def test_blob_that_cannot_be_written_is_503(self, hook, storage):
        """The sender is told to send again, and nothing is on the queue."""
        storage.broken = True
        answer, message = send(hook, good(hook, big="x" * 60_000))
        assert (answer.status_code, message) == (503, None)
