"""A journey may begin after a pause, unless something happens: who does not reach the beginning is no enrolment."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.journeys import due_beginnings, engine, forecast, load
from shared.journeys.due_beginnings import begin_due
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, JourneyBeginning
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.journeys import dispatch, run
from tests.unit.journeys.test_journey_engine import ANA, rows, signal

pytestmark = pytest.mark.slow

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CART = """
name: cart
title: Cart
enrol_on:
  - {event: cart.updated, when: 'data.items > 0', settle: 1h, unless: [order.placed]}
exit_on: [payment.received]
re_enrol: after_exit
steps:
  - {id: first, channel: email, template: a}
  - {id: second, delay: 1d, channel: email, template: b}
"""
CART_DATA = ANA | {"items": 2}


def cart(minutes: int = 0, *, items: int = 2, key: str | None = None, person: str = "lead:1") -> None:
    """The cart changes, so many minutes after the start."""
    at = START + minutes * MINUTE
    signal("cart.updated", ANA | {"items": items}, keys=(person,), event_key=key or f"{person}:cart:{minutes}:{items}", at=at)


def order(minutes: int, person: str = "lead:1", event: str = "order.placed") -> None:
    """The order is placed, so many minutes after the start."""
    signal(event, {}, keys=(person,), event_key=f"{person}:{event}:{minutes}", at=START + minutes * MINUTE)


def standing() -> list[tuple[str, str | None]]:
    """Where each beginning stands, and why."""
    return [(row.state, row.reason) for row in rows(JourneyBeginning)]


def test_enters_when_the_pause_is_over(define, vendors, test_clock):
    """Nothing before it; then an enrolment that counts from the end of the pause."""
    define(CART)
    cart()
    run(test_clock, minutes=59)
    assert (rows(Enrolment), vendors.sent) == ([], [])
    run(test_clock, days=2)
    assert [(one.step, one.at) for one in vendors.sent] == [
        ("first", START + HOUR),
        ("second", START + HOUR + timedelta(days=1)),
    ]
    (row,) = rows(Enrolment)
    assert (row.anchor_at, row.data_at) == (START + HOUR, START)
    assert [(one.state, one.enrolment_id) for one in rows(JourneyBeginning)] == [("begun", row.id)]


def test_newer_event_restarts_the_pause(define, vendors, test_clock):
    """It counts from the newest, and what that one says is what is known; an older one that comes late changes nothing."""
    define(CART)
    cart(0)
    test_clock.advance(minutes=50)
    cart(40, items=5)
    cart(20, items=3)
    run(test_clock, minutes=49)
    assert rows(Enrolment) == []
    run(test_clock, minutes=2)
    assert [row.data["items"] for row in rows(Enrolment)] == [5]
    assert vendors.sent[0].at == START + 100 * MINUTE


@pytest.mark.parametrize("event", ["order.placed", "payment.received"])
@pytest.mark.parametrize("is_first", [False, True])
def test_prevented_is_no_enrolment(define, vendors, test_clock, event, is_first):
    """By what `unless` names, or what would end the journey, whichever of the two events arrives first; it shows at once."""
    define(CART)
    test_clock.advance(minutes=10)
    deeds = [lambda: cart(0), lambda: order(5, event=event)]
    for deed in reversed(deeds) if is_first else deeds:
        deed()
    assert standing() == [("prevented", event)]
    run(test_clock, days=3)
    assert (rows(Enrolment), vendors.sent) == ([], [])
    assert standing() == [("prevented", event)]


def test_event_after_the_order_begins_again(define, vendors, test_clock):
    """Who goes on buying after an order has a cart again; an order from before it prevents nothing."""
    define(CART)
    cart(0)
    order(5)
    test_clock.advance(minutes=30)
    cart(20)
    run(test_clock, hours=2)
    assert vendors.steps() == ["first"]
    assert vendors.sent[0].at == START + 80 * MINUTE


def test_newest_event_that_does_not_fit_takes_it_back(define, vendors, test_clock):
    """A cart that was emptied is none, in whatever order the two arrive."""
    define(CART)
    cart(0)
    cart(10, items=0)
    cart(5)
    run(test_clock, hours=3)
    assert rows(Enrolment) == []
    assert standing() == [("prevented", "the newest cart.updated does not fit")]


def test_order_of_another_person_prevents_nothing(define, vendors, test_clock):
    """Each waits alone; one key in common is the same person."""
    define(CART)
    cart(0)
    signal("cart.updated", CART_DATA, keys=("contact:2", "email:b@example.com"), event_key="c2")
    order(5, person="email:b@example.com")
    run(test_clock, hours=2)
    assert [row.person for row in rows(Enrolment)] == ["lead:1"]


def test_repetition_after_the_beginning_begins_nothing(define, vendors, test_clock):
    """Neither the same event again, nor an older or newer one of the same pause that comes late."""
    define(CART.replace("after_exit", "each_event"))
    cart(30)
    run(test_clock, minutes=95)
    for minutes in (30, 10, 45):
        cart(minutes)
    run(test_clock, days=3)
    assert vendors.steps() == ["first", "second"]


def test_who_is_in_it_does_not_enter_again(define, vendors, test_clock):
    """The rule of `re_enrol` is asked when the pause is over."""
    define(CART)
    cart(0)
    run(test_clock, hours=2)
    cart(120)
    run(test_clock, hours=2)
    assert len(rows(Enrolment)) == 1
    assert standing() == [("begun", "they are in the journey, or have been")]


def test_instances_wait_apart(define, vendors, test_clock):
    """Two carts of one person are two pauses, and the order of one leaves the other."""
    define(CART.replace("re_enrol: after_exit", "re_enrol: each_event\ninstance: cart_id"))
    for number in ("a", "b"):
        signal("cart.updated", CART_DATA | {"cart_id": number}, event_key=number)
    signal("order.placed", {"cart_id": "a"}, event_key="o", at=START + MINUTE)
    run(test_clock, hours=2)
    assert [row.instance for row in rows(Enrolment)] == ["b"]


def test_crash_while_beginning(define, vendors, test_clock, monkeypatch):
    """Dead before the commit: nothing is half begun, the others begin, and the next run makes it good, once."""
    define(CART)
    cart(0)
    cart(0, person="lead:2")
    test_clock.advance(hours=1)
    real = engine.enrol

    def dies(session, journey, person, *more, **other):
        found = real(session, journey, person, *more, **other)
        if "lead:1" in person:
            raise RuntimeError("the process dies")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(engine, "enrol", dies)
        assert begin_due() == 1
    assert [row.person for row in rows(Enrolment)] == ["lead:2"]
    test_clock.advance(minutes=15)
    assert begin_due() == 1
    assert begin_due() == 0
    assert len(rows(Enrolment)) == 2


def test_that_cannot_be_begun_is_given_up_with_an_alert(define, vendors, test_clock, monkeypatch):
    """A mistake is not repeated for ever, and is seen."""
    define(CART)
    cart(0)
    alerts = []
    monkeypatch.setattr(engine, "enrol", lambda *_more, **_other: 1 / 0)
    monkeypatch.setattr(due_beginnings, "plan_alert", lambda _session, _key, title: alerts.append(title))
    test_clock.advance(hours=1)
    for _ in range(12):
        begin_due()
        test_clock.advance(minutes=15)
    assert standing() == [("failed", "it could not be begun; the log says why")]
    assert alerts == ["Puente: lead:1 could not enter the journey cart"]


def test_definition_that_was_changed_meanwhile(define, vendors, test_clock, monkeypatch):
    """Who waits for a beginning that is none any more does not enter."""
    define(CART)
    cart(0)
    define(CART.replace("cart.updated", "basket.updated"))
    run(test_clock, hours=2)
    assert standing() == [("prevented", "the journey does not begin so any more")]


def test_in_testing_mode_days_are_minutes(define, vendors, test_clock, environment):
    """Whoever tries it out need not wait."""
    environment.setenv("TESTING_MODE", "true")
    get_settings.cache_clear()
    define(CART.replace("settle: 1h", "settle: 2d"))
    cart(0)
    assert rows(JourneyBeginning)[0].due_at == START + 2 * MINUTE


def test_forecast_counts_from_the_end_of_the_pause(define, vendors, test_clock):
    """For somebody new, and for those who wait."""
    journey = define(CART)
    lines = forecast.forecast(journey, forecast.newcomer({"items": 1}))
    assert lines[0].goes_at == START + HOUR
    cart(0)
    with reading() as session:
        ((_journey, who),) = forecast.enrolled(session, "cart")
    assert forecast.forecast(journey, who)[0].goes_at == START + HOUR
    run(test_clock, days=2)
    assert [one.at for one in vendors.sent] == [line.goes_at for line in lines]


@pytest.mark.parametrize(
    ("part", "mistake"),
    [
        ("settle: 1h", "settle: 0m"),
        ("settle: 1h", "settle: 8d"),
        ("settle: 1h, ", ""),
        ("[order.placed]", "[order]"),
    ],
)
def test_mistake_in_a_definition(part, mistake):
    """A pause that is none, or longer than events are remembered; `unless` without a pause; an event that is no name."""
    with pytest.raises(load.DefinitionError, match=r"definition:\d+: enrol_on"):
        load.parse(CART.replace(part, mistake))


EVENTS = st.lists(
    st.tuples(st.sampled_from(["cart", "empty", "order"]), st.integers(0, 240)),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one[1],
)


class Person:
    """The person of one example; the database is that of the whole test."""

    number = 0

    @classmethod
    def new(cls) -> str:
        """A key that nobody has."""
        cls.number += 1
        return f"lead:{cls.number}"


@given(events=EVENTS, data=st.data())
@settings(max_examples=60, suppress_health_check=SLOW, deadline=None)
def test_any_order_and_number(define, vendors, test_clock, events, data):
    """All arrive before the pause after the newest is over: only a cart that is the newest of all begins the journey, once."""
    test_clock.moment = START
    define(CART)
    person = Person.new()
    copies = data.draw(st.lists(st.sampled_from(events), max_size=4))
    deeds = {"cart": lambda at: cart(at, person=person), "empty": lambda at: cart(at, items=0, person=person)}
    test_clock.advance(minutes=min(at for _what, at in events))
    for what, at in data.draw(st.permutations([*events, *copies])):
        deeds.get(what, lambda at: order(at, person=person))(at)
    newest = max(events, key=lambda one: one[1])
    test_clock.moment = START + 600 * MINUTE
    dispatch()
    dispatch()
    assert len(rows(Enrolment, person=person)) == (1 if newest[0] == "cart" else 0)
    transact(lambda session: engine.exit_person(session, [person], "done"))
