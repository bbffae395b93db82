"""Both webhooks under thousands of hostile requests: a clear answer to each, and whatever is accepted ends in our record."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from shared import clock, queues
from shared.intake.body import parse_object
from shared.intake.envelope import parse
from shared.store.models import Campaign, Contact, DeadLetter, InboxEvent
from shared.store.session import reading, transact
from shared.store.types import key_of
from tests.fuzz.hostile import GOOD, HEADERS, NO_HEADERS, bodies
from tests.support.examples import examples
from tests.support.world import Out, World, request

pytestmark = pytest.mark.slow

# What an event may be parked for although intake took it: it names something that our record does not have.
UNKNOWN = ("unknown-stage", "unknown-campaign", "unknown-advisor", "ambiguous-advisor")
FINGERPRINT = 64  # characters of an event's id where the sender gave none
REFUSALS = {400, 401, 403, 413, 415, 422}


def hard(count: int) -> settings:
    """That many examples; one that fails is printed in a form that runs it again."""
    return settings(max_examples=examples(count), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all examples, as in a worker."""
    with asyncio.Runner() as runner:
        yield runner


def answered(world: World, runner: asyncio.Runner, hook: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes | None]:
    """The status, and the message that goes to the queue."""
    out = Out()
    response = runner.run(world.webhooks[hook].accept(request(body, headers), out))
    if response.status_code != 202:
        document = json.loads(response.get_body())
        assert document["status"] == response.status_code
        assert document["title"]
    return response.status_code, out.value


def handled(world: World, queue: str, message: bytes) -> None:
    """Let the handlers do all there is to do about one message; none may raise, and nothing may stay behind."""
    world.storage.send(queue, message)
    for each in (queue, queues.DEAD_LETTER_QUEUE):
        while world.step(each):
            pass
    world.storage.queues.pop(queues.DELIVERY_QUEUE, None)
    assert not any(world.storage.queues.values())


def check_record(message: bytes, raw: bytes) -> None:
    """The event is in the inbox with exactly what was sent, or parked, whole."""
    event = parse(message)
    with reading() as session:
        named = (event.sender,) if event.sender else ()  # the sender's own key is one among those of that sender
        key = key_of(event.source, event.type, event.id, *named)
        kept = session.scalars(select(InboxEvent).where(InboxEvent.key == key)).one_or_none()
        parked = session.scalars(select(DeadLetter).where(DeadLetter.event_id == event.id)).first()
        assert kept is not None or parked is not None
        if len(event.id) != FINGERPRINT:  # the sender's own key: whatever came first under it counts
            return
        assert kept is None or parked is None
        if kept is None:
            assert parse(parked.original_event.encode()).data == event.data
        else:
            assert same(kept.data, parse_object(raw, lenient=True))
            check_name(session, kept, key)


def check_name(session: Any, kept: InboxEvent, key: str) -> None:
    """A name that this event has set is letter for letter what was sent."""
    person = session.scalars(select(Contact).where(Contact.manychat_id == kept.subject)).one()
    field = {"manychat.contact": "nombre_lead", "manychat.opportunity": "first_name"}.get(kept.type)
    if field is not None and person.fact_times.get("first_name", ["", ""])[1] == key:
        assert person.first_name == str(kept.data[field]).strip()


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1, 1.0 and true are three different things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@pytest.mark.parametrize("hook", GOOD)
def test_every_body_gets_a_clear_answer_and_no_accepted_one_is_lost(world, runner, hook):
    """202 and then in the inbox or parked, text intact; or a refusal that says why."""
    seen: set[int] = set()
    transact(lambda session: session.add(Campaign(id=1, name="Marzo", date_start=clock.now())))

    @hard(2000)
    @given(bodies(hook), NO_HEADERS | NO_HEADERS | HEADERS)
    def attack(body, headers):
        status, message = answered(world, runner, hook, body, headers)
        assert status == 202 or status in REFUSALS
        assert (message is not None) == (status == 202)
        seen.add(status)
        if message is not None:
            assert len(message) <= queues.MESSAGE_LIMIT_BYTES
            json.loads(message, parse_constant=pytest.fail)  # JSON, not only what Python calls so
            handled(world, world.webhooks[hook].queue, message)
            check_record(message, body)

    attack()
    assert seen >= {202, 400, 401, 415, 422}  # or the senders above are not hostile enough
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(InboxEvent)) > 20  # enough were taken in
        assert (
            session.scalar(
                select(func.count())
                .select_from(DeadLetter)
                .where(DeadLetter.reason.not_in([*UNKNOWN, "idempotency-key-reused"]))
            )
            == 0
        )


@hard(600)
@given(st.data())
def test_storage_that_fails_is_a_503_and_nothing_else_is(world, runner, data):
    """With no storage a refusal is still a refusal, and what would need a blob is not accepted."""
    world.storage.broken = True
    body = data.draw(bodies("opportunity"))
    status, message = answered(world, runner, "opportunity", body, {})
    assert status in REFUSALS | {202, 503}
    assert (status == 503) == (len(body) > queues.MESSAGE_LIMIT_BYTES and status not in REFUSALS) or message is not None


good_envelope = st.fixed_dictionaries(
    {
        "specversion": st.just("1.0"),
        "id": st.text(min_size=1, max_size=20),
        "source": st.just("manychat"),
        "type": st.just("manychat.contact"),
        "time": st.just("2026-03-01T10:00:00+00:00"),
    }
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
odd_attributes = st.dictionaries(
    st.sampled_from(
        ["id", "source", "type", "time", "received", "data", "subject", "dataref", "attempt", "replayof", "traceparent"]
    ),
    anything,
    max_size=3,
)


@hard(600)
@given(
    st.sampled_from(["manychat-contact-queue", "manychat-crm-opportunities-queue"]),
    st.binary(max_size=100)
    | st.builds(lambda good, odd: json.dumps(good | odd).encode(), good_envelope, odd_attributes)
    | st.builds(lambda data: json.dumps({"data": data}).encode(), anything),
)
def test_whatever_lies_on_a_queue_ends_in_our_record(world, queue, message):
    """A message that is none of ours, or half one, is parked for a person; no handler chokes on it."""

    def rows() -> int:
        with reading() as session:
            counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (InboxEvent, DeadLetter)]
        return sum(counts)

    before = rows()
    handled(world, queue, message)
    assert rows() >= before
    if before == 0:
        assert rows() == 1
