"""The wait that a vendor names when it takes no more: found where each of them says it, and kept by its target."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from functions.leads.kommo import Kommo
from shared import clock
from shared.errors import ThrottledError, UnavailableError
from shared.messages.providers.brevo import Brevo
from shared.messages.providers.mail import Email
from shared.messages.providers.resend import Resend
from shared.outbox import execute, plan
from shared.outbox.actions import Action, Done, Kind
from shared.outbox.policy import TargetPolicy
from shared.store.models import Delivery, Target
from shared.store.session import reading, transact
from shared.vendors import waits
from shared.vendors.discord import Discord
from shared.vendors.notion import Notion
from tests.support.vendors import registered
from tests.unit.vendors.network import Answer, FakeNetwork

URL = "https://vendor.example"
EMAIL = Email(to="ana@example.com", subject="Hola", text="Hola", key="k1")
JSON = {"Content-Type": "application/json"}


def by_brevo(answer):
    """One call."""
    return Brevo(URL, "key", "a@example.com", "A", FakeNetwork(answer)).send(EMAIL)


def by_resend(answer):
    """One call."""
    return Resend(URL, "key", "A <a@example.com>", FakeNetwork(answer)).send(EMAIL)


def by_kommo(answer):
    """One call."""
    return Kommo(URL, "token", FakeNetwork(answer)).stage_of(1)


def by_discord(answer):
    """One call."""
    return Discord(f"{URL}/api/webhooks/1/token", FakeNetwork(answer)).post("Hola")


def by_notion(answer):
    """One call."""
    return Notion(URL, "token", FakeNetwork(answer)).page("p1")


# Answers as the vendors describe them.
KOMMO = {"title": "Too Many Requests", "type": "https://httpstatus.es/429", "status": 429, "retry_after": 300}
DISCORD = {"message": "You are being rate limited.", "retry_after": 64.57, "global": False}
RESEND = {"statusCode": 429, "name": "rate_limit_exceeded", "message": "Too many requests."}
BREVO_HEADERS = JSON | {"x-sib-ratelimit-limit": "100", "x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "37"}


@pytest.mark.parametrize(
    ("call", "answer", "seconds"),
    [
        (by_brevo, Answer(429, {"code": "too_many_requests"}, BREVO_HEADERS), 37),
        (by_brevo, Answer(429, {}, JSON | {"x-sib-ratelimit-reset": "soon"}), None),
        (by_kommo, Answer(429, KOMMO, {"Content-Type": "application/problem+json"}), 300),
        (by_kommo, Answer(429, [1], JSON), None),
        (by_discord, Answer(429, DISCORD, JSON | {"Retry-After": "65"}), 65),
        (by_discord, Answer(429, DISCORD, JSON), 64.57),
        (by_discord, Answer(429, b"<html>", {"Content-Type": "text/html"}), None),
        (by_resend, Answer(429, RESEND, JSON | {"retry-after": "2", "ratelimit-reset": "2"}), 2),
        (by_resend, Answer(429, RESEND | {"name": "daily_quota_exceeded"}, JSON | {"retry-after": "1"}), 15 * 3600),
        (by_resend, Answer(429, RESEND | {"name": "monthly_quota_exceeded"}, JSON), 24 * 3600),
        (by_notion, Answer(429, {"code": "rate_limited"}, JSON | {"Retry-After": "61"}), 61),
        (by_notion, Answer(529, {"code": "service_overload"}, JSON | {"Retry-After": "90"}), 90),
    ],
)
def test_wait_is_found_where_the_vendor_says_it(test_clock, call, answer, seconds):
    """In a header, in the body, or by the name of a quota (it is nine in the morning: fifteen hours to midnight)."""
    with pytest.raises(ThrottledError) as caught:
        call(answer)
    assert caught.value.after_seconds == seconds


def test_no_vendor_can_stop_us_for_longer_than_a_day(test_clock):
    """A number out of proportion is a mistake, or a bad joke."""
    with pytest.raises(ThrottledError) as caught:
        by_kommo(Answer(429, KOMMO | {"retry_after": 10**12}, JSON))
    assert caught.value.after_seconds == timedelta(days=1).total_seconds()


def test_a_quota_just_before_midnight_waits_an_hour(test_clock):
    """Clocks differ; a minute after our midnight the vendor may still count for yesterday."""
    test_clock.moment = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    with pytest.raises(ThrottledError) as caught:
        by_resend(Answer(429, {"name": "daily_quota_exceeded"}, JSON))
    assert caught.value.after_seconds == 3600


@given(st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.integers()))
def test_whatever_stands_there_is_a_wait_or_nothing(value):
    """Neither a negative wait, nor one without end."""
    seconds = waits._seconds(value)
    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize(
    ("answer", "kind", "seconds"),
    [
        (Answer(429, {}, BREVO_HEADERS), ThrottledError, 37),
        (Answer(503, {}, JSON | {"Retry-After": "600"}), UnavailableError, 600),
    ],
)
def test_wait_is_kept_by_the_target(database, storage, test_clock, answer, kind, seconds):
    """Nothing is sent before the time that the vendor has named; then it goes out, and has cost no attempt."""
    network = FakeNetwork(answer, Answer(201, {"messageId": "m1"}))
    client = Brevo(URL, "key", "a@example.com", "A", network)

    def send(batch):
        return {one.id: Done({"id": client.send(EMAIL)}) for one in batch}

    with registered(Action(target="post", name="mail", kind=Kind.MESSAGE, execute=send), TargetPolicy()) as action:
        transact(lambda session: plan.message(session, action, "ana", "k1", {}))
        execute.drain("post")
        with reading() as session:
            assert session.scalars(select(Target.next_call_at)).one() == clock.now() + timedelta(seconds=seconds)
        test_clock.advance(seconds=seconds - 6)
        execute.drain("post")
        assert len(network.requests) == 1
        test_clock.advance(seconds=6)
        execute.drain("post")
    with reading() as session:
        assert [(row.state, row.attempts) for row in session.scalars(select(Delivery))] == [("done", 0)]
    assert len(network.requests) == 2
