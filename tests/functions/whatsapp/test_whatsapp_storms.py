"""Storms of statuses: in any order, repeated, cut into any requests, before our own record; the end is always the same."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from functions.whatsapp import services
from sandbox.meta import sending, webhooks
from sandbox.meta.server import NUMBERS
from sandbox.vendor import Webhook
from shared import clock
from shared.messages import Fallback, consent, statuses
from shared.messages.providers import meta_codes
from shared.outbox.actions import State
from shared.store.message_models import MessageStatus, ReceivedMessage
from shared.store.models import Base, DeadLetter, Delivery
from shared.store.session import reading, transact
from tests.functions.whatsapp.conftest import Town, asking
from tests.functions.whatsapp.conftest import statuses as recorded
from tests.support.examples import examples
from tests.support.listeners import listen
from tests.support.messages import ANA_PHONE, carry_out, deliveries, enqueue, message

OURS = next(iter(NUMBERS))
WORDS = ("sent", "delivered", "read", "failed")
PHONES = ("+525512345678", "+525587654321", "+525511112222")
ROUNDS = settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

type Report = tuple[int, str]


def fresh(town: Town) -> None:
    """Nothing has happened yet."""

    def empty(session: Any) -> None:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())

    transact(empty)
    town.meta.reset({})
    town.wire.sent.clear()


def reporting(town: Town, rows: Sequence[dict[str, Any]], reports: Sequence[Report]) -> Webhook:
    """One request that reports of these messages."""
    listed = []
    for number, word in reports:
        status = {"id": rows[number]["id"], "status": word, "timestamp": str(int(clock.now().timestamp()))}
        status["biz_opaque_callback_data"] = rows[number]["callback"]
        listed.append(status | ({"errors": [{"code": 131026}]} if word == "failed" else {}))
    value = webhooks.value(OURS, NUMBERS[OURS], statuses=listed)
    return Webhook(what="storm", url=webhooks.PATH, body=webhooks.written(webhooks.changes(("messages", value))))


@ROUNDS
@given(
    reports=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(WORDS)), max_size=14),
    cuts=st.lists(st.integers(1, 4), min_size=1, max_size=14),
    lost=st.integers(0, 3),
    copies=st.integers(1, 2),
)
def test_any_storm_ends_with_the_furthest_word_of_each_message(
    town: Town, reports: list[Report], cuts: list[int], lost: int, copies: int
) -> None:
    """Nothing is sent twice, no word goes back, and a sending without an answer is settled by whatever is reported of it."""
    fresh(town)
    for phone in PHONES:
        town.meta.act("reply", {"from": phone, "text": "Hola"})
    town.settle()
    town.meta.act("deliver", {"outcome": "silent"})
    town.lose_answers(lost)
    enqueue(*(_to(phone, f"k{number}") for number, phone in enumerate(PHONES)))
    by_person = {row["wa_id"]: row for row in town.got()}  # they go out side by side
    rows = [by_person[town.meta.wa_id(phone)] for phone in PHONES]
    at = 0
    while at < len(reports):
        size = cuts[at % len(cuts)]
        for _copy in range(copies):
            town.meta.send(reporting(town, rows, reports[at : at + size]))
        at += size
    town.settle()
    town.lose_answers(0)
    assert len(town.got()) == len(PHONES)
    _check(rows, reports)


def _to(phone: str, key: str) -> Any:
    return message(to=phone, person=f"p:{phone}", dedupe_key=key, template="", text="Hola", variables={}, transactional=True)


def _check(rows: list[dict[str, Any]], reports: list[Report]) -> None:
    with reading() as session:
        kept = {row.vendor_id: row for row in session.scalars(select(MessageStatus))}
        states = {row.subject: row for row in session.scalars(select(Delivery))}
    for number, row in enumerate(rows):
        words = [meta_codes.STATUSES[word] for index, word in reports if index == number]
        delivery = states[f"p:{PHONES[number]}"]
        if words:
            assert kept[row["id"]].status == max(words, key=statuses.RANKS.__getitem__)
            assert kept[row["id"]].delivery_id == delivery.id
        if any(word != "failed" for word in words) or delivery.state == State.DONE:
            assert delivery.result["id"] == row["id"]
            assert delivery.state == State.DONE
        assert delivery.attempts <= 1


@pytest.mark.share(8)
@pytest.mark.parametrize("outcome", sorted(sending.OUTCOMES))
@pytest.mark.parametrize("backwards", [False, True])
def test_every_fate_of_a_message_is_recorded(town: Town, outcome: str, backwards: bool) -> None:  # noqa: FBT001
    """Forwards and backwards, each report twice."""
    town.says("Hola")
    town.meta.act("deliver", {"outcome": outcome})
    enqueue(asking())
    town.settle(backwards=backwards, copies=2)
    words = [meta_codes.STATUSES[word] for word, _code in sending.OUTCOMES[outcome]]
    furthest = max(words, key=statuses.RANKS.__getitem__) if words else None
    assert recorded()[0][0] == furthest


def test_a_sending_without_an_answer_is_settled_by_its_status(town: Town) -> None:
    """It is not sent again, and needs no person."""
    town.says("Hola")
    town.lose_answers(1)
    enqueue(asking())
    assert deliveries()[0].state == State.PENDING
    town.settle()
    assert [(row.state, row.result["id"]) for row in deliveries()] == [(State.DONE, town.got()[0]["id"])]


def test_the_key_of_another_installation_settles_nothing_of_ours(town: Town) -> None:
    """Two may share an account, and count their deliveries from 1."""
    town.says("Hola")
    town.meta.act("deliver", {"outcome": "silent"})
    town.lose_answers(1)
    enqueue(asking())
    (row,) = town.got()
    row["callback"] = row["callback"][:-16] + "f" * 16
    town.meta.send(reporting(town, [row], [(0, "delivered")]))
    town.settle()
    assert deliveries()[0].state == State.PENDING


@pytest.mark.parametrize(
    ("outcome", "channels", "held"),
    [
        ("undeliverable", ["whatsapp", "sms"], None),
        ("marketing-limit", ["whatsapp"], "market-limit"),
        ("stopped", ["whatsapp"], "unsubscribed"),
        ("experiment", ["whatsapp", "sms"], None),
        ("payment", ["whatsapp"], None),
    ],
)
def test_what_follows_from_a_failure(
    town: Town, monkeypatch: pytest.MonkeyPatch, outcome: str, channels: list[str], held: str | None
) -> None:
    """Another channel where the person is not the reason; a wish is kept; our own account's trouble fails no message."""
    refusals: list[str] = []
    listen(monkeypatch, "account.refused", "test", lambda _session, target, _error: refusals.append(target))
    town.meta.act("deliver", {"outcome": outcome})
    enqueue(message(dedupe_key="l1", fallback=(Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3"),)))
    town.settle()
    assert [row.action for row in deliveries()] == channels
    with reading() as session:
        assert consent.held_back(session, message()) == held
    assert refusals == (["meta"] if outcome == "payment" else [])
    if outcome == "payment":
        assert (deliveries()[0].state, deliveries()[0].reason) == (State.PENDING, "meta-account-refused")


@pytest.mark.parametrize("outcome", ["pair-limit", "number-limit", "spam-limit", "template-paused"])
def test_a_limit_costs_no_attempt_and_the_message_goes_later(town: Town, test_clock: clock.TestClock, outcome: str) -> None:
    """As soon as the limit asks for, once."""
    town.says("Hola")
    town.meta.act("deliver", {"outcome": outcome, "once": True})
    enqueue(asking())
    (waiting,) = deliveries()
    assert (waiting.state, waiting.attempts, town.got()) == (State.PENDING, 0, [])
    test_clock.moment = waiting.due_at
    carry_out()
    town.settle()
    assert recorded() == [("delivered", None)]


def test_one_bad_part_costs_its_neighbours_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is parked by itself, whole, and a replay of it finds it as it was."""
    take = services.replies.take

    def taken(session: Any, payload: Any, at: Any) -> str:
        if payload.text == "mala":
            raise RuntimeError("a bug of ours")
        return take(session, payload, at)

    monkeypatch.setattr(services.replies, "take", taken)
    listed = [
        {"from": "5215512345678", "id": f"wamid.{words}", "timestamp": "1772442000", "type": "text", "text": {"body": words}}
        for words in ("buena", "mala", "otra")
    ]
    value = webhooks.value(OURS, NUMBERS[OURS], messages=listed)
    town.meta.send(Webhook(what="x", url=webhooks.PATH, body=webhooks.written(webhooks.changes(("messages", value)))))
    town.settle()
    with reading() as session:
        assert sorted(session.scalars(select(ReceivedMessage.text))) == ["buena", "otra"]
        (letter,) = session.scalars(select(DeadLetter)).all()
    assert (letter.type, letter.original_queue, letter.reason) == ("meta.webhook", "events-queue", "RuntimeError")
    monkeypatch.setattr(services.replies, "take", take)
    town.world.storage.send(letter.original_queue, letter.original_event.encode())
    town.settle()
    with reading() as session:
        assert sorted(session.scalars(select(ReceivedMessage.text))) == ["buena", "mala", "otra"]
