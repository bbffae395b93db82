"""Any order, repetition and division of HubSpot's events ends in the same record."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from functions.hubspot import services
from functions.hubspot.payloads import HubSpotEvents
from functions.hubspot.tables import HubSpotMerge, HubSpotMessage, HubSpotTurn
from shared import clock
from shared.intake.webhook import taken
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import transact
from shared.store.types import key_of
from tests.support.examples import examples
from tests.support.hubspot import PRODUCT, SUBSCRIBER, Account, event

WHAT = st.tuples(
    st.integers(51, 52),
    st.sampled_from(["Plan Anual", "Curso", ""]),
    st.integers(0, 3),
    st.sampled_from(["CRM_UI", "INTEGRATION"]),
    st.sampled_from(["123456", None]),
)


def reported(drawn: tuple[Any, ...]) -> dict[str, Any]:
    """An event that tells all that a message needs, or lacks the subscriber."""
    contact, product, second, source, subscriber = drawn
    at = clock.now() + timedelta(seconds=second)
    properties = {"firstname": "Ana", SUBSCRIBER: subscriber}
    return event(contact, at, propertyValue=product, changeSource=source, sourceId=None, properties=properties)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(WHAT, min_size=1, max_size=7), dice=st.randoms(use_true_random=False))
def test_record_depends_on_no_order(
    database: Any, environment: pytest.MonkeyPatch, test_clock: clock.TestClock, drawn: list[tuple[Any, ...]], dice: Any
) -> None:
    """Each event is once in the list, each product was planned once for each contact, and the reasons are the same."""
    del database, test_clock
    environment.delenv("HUBSPOT_TOKEN", raising=False)
    get_settings.cache_clear()
    events = [reported(one) for one in drawn]
    again = [one | {"attemptNumber": 1, "eventId": 99} for one in dice.sample(events, k=dice.randint(0, len(events)))]
    shuffled = [*events, *again]
    dice.shuffle(shuffled)
    cut = dice.randint(0, len(shuffled))
    found = []
    for batches in ([events], [part for part in (shuffled[:cut], shuffled[cut:]) if part]):
        transact(lambda session: [session.query(model).delete() for model in (HubSpotMessage, HubSpotTurn, Delivery)])
        for number, batch in enumerate(batches):
            payload = taken(HubSpotEvents, {"events": batch})
            transact(lambda session, p=payload, n=number: services.take(session, p, key_of(str(n)), clock.now()))
        found.append(transact(_record))
    assert found[0] == found[1]


def _record(session: Any) -> tuple[Any, ...]:
    rows = session.scalars(select(HubSpotMessage)).all()
    outcomes = Counter((row.contact_id, row.status, row.reason, row.product) for row in rows)
    messages = Counter(payload["variables"]["texto"] for payload in session.scalars(select(Delivery.payload)))
    return sorted(row.key for row in rows), outcomes, messages


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_story_through_the_queues_depends_on_no_order(account: Account, seed: int) -> None:
    """Contacts made, changed, cleared and merged; webhooks shuffled and repeated, answers lost: each product once for each."""
    dice = random.Random(seed)  # noqa: S311  # an order, no secret
    ana, eva = account.person(), account.person(**{SUBSCRIBER: "987654321", PRODUCT: "Curso"})
    account.hubspot.act("set", {"id": ana["id"], "properties": {PRODUCT: ""}})
    account.hubspot.act("set", {"id": ana["id"], "properties": {PRODUCT: "Plan Anual"}})
    twin = account.person()
    account.hubspot.act("merge", {"id": ana["id"], "other": twin["id"]})
    account.hubspot.act("set", {"id": eva["id"], "properties": {"firstname": "Eva"}})
    dice.shuffle(account.wire.sent)
    waiting = list(account.wire.sent)
    account.wire.sent += dice.sample(waiting, k=len(waiting) // 2)
    account.calls.lose_answers = dice.randint(0, 2)
    while account.wire.sent:
        some, account.wire.sent = account.wire.sent[:2], account.wire.sent[2:]
        for webhook in some:
            account._answered(webhook, account.wire.headers(webhook))
        if dice.random() < 0.5:
            account.settle()
    account.settle(minutes=20)
    assert sorted(number for number, _text in account.sent) == ["123456789", "987654321"]
    with_states = transact(lambda session: {row.status for row in session.scalars(select(HubSpotMessage))})
    assert with_states == {"sent", "skipped"}
    assert transact(lambda session: session.query(HubSpotMerge).count()) == 2
