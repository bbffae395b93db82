"""Calls are kept in order, within bounds, and never with a secret in sight."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.odoo import Odoo
from sandbox.recorder import HIDDEN, Recorded, Recorder, hide_secrets

ODOO = Odoo()
AT = datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)


def add(recorder: Recorder, body: bytes = b"{}", **more: Any) -> Recorded:
    """Record one call."""
    facts: dict[str, Any] = {
        "vendor": "odoo", "what": "x", "method": "POST", "path": "/jsonrpc", "headers": {}, "status": 200, "outcome": "ok",
        "fault": None, "ms": 1.234, "at": AT,
    }  # fmt: skip
    return recorder.add(body=body, **{**facts, **more})


def shown(body: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """How a call to Odoo with this body is shown."""
    return add(Recorder(), json.dumps(body).encode(), headers=headers or {}).shown(ODOO.mask)


def test_shows_a_call_as_it_was_received() -> None:
    """With its time in UTC, and the body as JSON."""
    call = shown({"params": {"args": [1, 2]}}, {"Accept": "*/*"})
    assert call == {
        "seq": 1, "vendor": "odoo", "what": "x", "method": "POST", "path": "/jsonrpc", "headers": {"Accept": "*/*"},
        "body": {"params": {"args": [1, 2]}}, "at": "2026-01-02T03:04:05.678Z", "status": 200, "outcome": "ok", "fault": None,
        "ms": 1.23,
    }  # fmt: skip


def test_shows_a_body_that_is_no_json_as_text() -> None:
    """Whatever its bytes are."""
    recorder = Recorder()
    assert add(recorder, b"a=1\xff").shown(hide_secrets)["body"] == "a=1\ufffd"
    assert add(recorder, b"").shown(hide_secrets)["body"] == ""


def test_shows_a_form_by_its_fields_without_secrets() -> None:
    """As Twilio and the captcha verifiers are sent; a field that comes twice has both values."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = b"secret=s3cret&response=tok&Event=answered&Event=completed&Body=%C2%A1Hola"
    call = add(Recorder(), body, headers=headers).shown(ODOO.mask)
    assert call["body"] == {"secret": HIDDEN, "response": "tok", "Event": ["answered", "completed"], "Body": "¡Hola"}


def test_hides_the_password_among_the_arguments() -> None:
    """Of `execute_kw` and of `authenticate`."""
    args = ["puente", 2, "admin", "crm.lead", "search", [[]]]
    assert shown({"params": {"args": args}})["body"]["params"]["args"] == ["puente", 2, HIDDEN, "crm.lead", "search", [[]]]
    signing_in = ["puente", "admin", "admin", {}]
    assert shown({"params": {"args": signing_in}})["body"]["params"]["args"][2] == HIDDEN


def test_hides_secrets_by_name_at_any_depth() -> None:
    """In headers and in the body; what is empty stays visible as empty."""
    call = shown({"a": [{"user_password": "p", "api_key": "k", "token": ""}]}, {"Authorization": "bearer k", "X-Api-Key": "k"})
    assert call["headers"] == {"Authorization": HIDDEN, "X-Api-Key": HIDDEN}
    assert call["body"] == {"a": [{"user_password": HIDDEN, "api_key": HIDDEN, "token": ""}]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(json_values)
def test_any_body_can_be_shown(body: Any) -> None:
    """And nothing else of it changes than what is hidden."""
    call = shown({"kept": body})
    assert set(call["body"]) == {"kept"}


def test_finds_calls_by_number_vendor_and_count() -> None:
    """Oldest first; a limit keeps the newest; totals count everything."""
    recorder = Recorder()
    for vendor in ("odoo", "other", "odoo", "odoo"):
        add(recorder, vendor=vendor)
    assert [call.seq for call in recorder.since()] == [1, 2, 3, 4]
    assert [call.seq for call in recorder.since(1, "odoo")] == [3, 4]
    assert [call.seq for call in recorder.since(0, "odoo", 2)] == [3, 4]
    assert recorder.since(0, None, 0) == []
    assert (recorder.total(), recorder.total("odoo"), recorder.total("none")) == (4, 3, 0)


def test_keeps_the_newest_calls() -> None:
    """The totals still count those that are gone."""
    recorder = Recorder(keep_calls=3)
    for _ in range(5):
        add(recorder)
    assert [call.seq for call in recorder.since()] == [3, 4, 5]
    assert recorder.total() == 5
    assert recorder.find(2) is None
    assert recorder.find(6) is None
    assert recorder.find(4) == recorder.since()[1]


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(1, 6))
def test_bodies_stay_within_their_bounds(sizes: list[int], keep: int) -> None:
    """The oldest lose theirs first, and what is counted is what is there."""
    recorder = Recorder(keep_calls=keep, keep_body_bytes=100)
    for size in sizes:
        add(recorder, b"x" * size)
    kept = [len(call.body) for call in recorder.since() if call.body is not None]
    assert sum(kept) == recorder._body_bytes <= 100
    assert [call.body is None for call in recorder.since()] == sorted(
        (call.body is None for call in recorder.since()), reverse=True
    )
    if sizes and sizes[-1] <= 100:
        assert kept[-1] == sizes[-1]


def test_a_reset_forgets_calls_but_goes_on_counting() -> None:
    """So that a reader who remembers a number misses nothing."""
    recorder = Recorder()
    add(recorder)
    recorder.reset()
    assert recorder.since() == []
    assert recorder.total() == 0
    assert add(recorder).seq == 2
