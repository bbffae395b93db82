"""The envelope: CloudEvents 1.0, the same after any round trip; and the key of an event that has none."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PermanentError
from shared.intake.envelope import Envelope, fingerprint, parse

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
GOOD = {"specversion": "1.0", "id": "e1", "source": "manychat", "type": "manychat.contact", "time": AT.isoformat()}

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
instants = st.integers(-2_000_000_000, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
payloads = st.dictionaries(storable, st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | storable)


@given(
    st.builds(
        Envelope,
        id=storable.filter(bool),
        source=storable.filter(bool),
        type=storable.filter(bool),
        time=instants,
        received=instants,
        data=payloads,
        subject=st.none() | storable.filter(bool),
        attempt=st.integers(0, 10),
        replayof=st.none() | st.integers(1, 2**62),
    )
)
def test_round_trip_changes_nothing(envelope):
    """What goes through a queue comes out as it went in, whatever the text."""
    assert parse(envelope.to_bytes()) == envelope


def test_message_is_a_cloud_event():
    """The attributes that CloudEvents requires are there, and none that is empty."""
    event = json.loads(Envelope(id="e", source="s", type="t", time=AT, received=AT, data={"a": None}).to_bytes())
    assert event == {
        "specversion": "1.0",
        "id": "e",
        "source": "s",
        "type": "t",
        "time": "2026-03-01T10:00:00+00:00",
        "received": "2026-03-01T10:00:00+00:00",
        "datacontenttype": "application/json",
        "data": {"a": None},
    }


def test_another_cloud_event_producer_is_understood():
    """`received` and our extensions may be missing, the time may have any offset."""
    event = parse(json.dumps(GOOD | {"time": "2026-03-01T04:00:00-06:00", "data": {}}).encode())
    assert (event.time, event.received, event.attempt) == (AT, AT, 0)


def test_failed_once_more_counts():
    """Each failed handling is on the event's account."""
    event = parse(json.dumps(GOOD).encode())
    assert event.failed_once_more().failed_once_more().attempt == 2


def test_checked_in_leaves_the_data_behind():
    """The message carries the reference instead."""
    event = parse(json.dumps(GOOD | {"data": {"a": 1}}).encode()).checked_in("claim-checks/x")
    assert parse(event.to_bytes()) == event
    assert b'"data"' not in event.to_bytes()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"[" * 100_000,
        *(json.dumps({k: v for k, v in GOOD.items() if k != missing}).encode() for missing in ("id", "source", "type", "time")),
        *(
            json.dumps(GOOD | wrong).encode()
            for wrong in (
                {"time": "yesterday"},
                {"time": 5},
                {"time": "0001-01-01T00:00:00+23:00"},
                {"received": "never"},
                {"attempt": "many"},
                {"attempt": None},
                {"id": 5},
                {"id": ""},
                {"id": "x" * 256},
                {"id": "\ud800"},
                {"source": ["s"]},
                {"source": "x" * 101},
                {"type": {}},
                {"type": "x" * 101},
                {"subject": 5},
                {"subject": "\ud800"},
                {"dataref": 5},
                {"replayof": "x"},
                {"replayof": True},
                {"replayof": 2**63},
                {"traceparent": 5},
            )
        ),
    ],
)
def test_anything_else_is_not_an_event(body):
    """A message that is none of ours is told apart for good, instead of being tried again and again."""
    with pytest.raises(PermanentError) as caught:
        parse(body)
    assert caught.value.reason == "not-an-event"


class TestFingerprint:
    """The key of an event without one."""

    @given(payloads, st.randoms())
    def test_order_of_keys_does_not_matter(self, payload, chance):
        """The same content is the same event."""
        items = list(payload.items())
        chance.shuffle(items)
        assert fingerprint(dict(items)) == fingerprint(payload)

    @given(payloads, payloads)
    def test_other_content_is_another_event(self, one, other):
        """Different JSON, different key."""
        same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
        assert (fingerprint(one) == fingerprint(other)) == same

    def test_is_short_and_plain(self):
        """It fits the column whatever the payload."""
        assert len(fingerprint({"a": "🌷" * 100_000})) == 64

    def test_a_second_is_a_difference(self):
        """Another date is another event."""
        assert fingerprint({"at": str(AT)}) != fingerprint({"at": str(AT + timedelta(seconds=1))})
