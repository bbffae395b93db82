"""The races of the concurrency lab: for each place that takes a lock, two transactions that must not both have their way.

A race says where the lock is taken (`place`: a module and the name by which it takes it), what there is before, what the two
transactions do, and what must be true afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import opportunities, people
from shared.messages import consent, days
from shared.messages.windows import Window
from shared.outbox import claims, expired, plan, record, transitions
from shared.outbox.actions import Action, Done, State, action
from shared.people import aliases, observing
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.store import people_models
from shared.store.message_models import MessageDay, Suppression
from shared.store.models import ActionLog, Contact, Delivery, Opportunity, Target, TargetSlot

TARGET, LETTER, CARD = "post", "letter", "card"


@dataclass(frozen=True)
class Race:
    """One race. `table` is whose rows the lock holds; `besides` is a second lock of the place that would do on PostgreSQL."""

    place: tuple[Any, str]
    table: str
    before: Callable[[Session], None]
    first: Callable[[Session], Any]
    second: Callable[[Session], Any]
    check: Callable[[Session], None]
    besides: str | None = None

    def without_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the lock away: the helper that the place calls, or the hints and clause of its prepared statement."""
        module, own = self.place
        for name in filter(None, (own, self.besides)):
            taken = getattr(module, name)
            if isinstance(taken, Select):
                bare = taken._clone()
                bare._hints, bare._for_update_arg = type(taken._hints)(), None
                monkeypatch.setattr(module, name, bare)
            else:
                monkeypatch.setattr(module, name, lambda query, _model: query)
        claims._next.cache_clear()


def letter() -> Action:
    """The message action of the target."""
    found = action(TARGET, LETTER)
    assert isinstance(found, Action)
    return found


def card() -> Action:
    """The sync action of the target."""
    found = action(TARGET, CARD)
    assert isinstance(found, Action)
    return found


def enqueue(*keys: str) -> Callable[[Session], None]:
    """Messages that are due."""

    def before(session: Session) -> None:
        session.add(Target(name=TARGET))
        for key in keys:
            plan.message(session, letter(), f"to-{key}", key, {})

    return before


def with_a_free_slot(session: Session) -> None:
    """Two messages that are due, and a slot that has been used before."""
    enqueue("a", "b")(session)
    session.add(TargetSlot(target=TARGET, slot=0))


def under_way(session: Session) -> None:
    """A message in the hands of the worker w1, whose lease has ended."""
    enqueue("a")(session)
    claims.claim(session, TARGET, "w1")
    for row in session.scalars(select(Delivery)):
        row.lease_until = clock.now() - timedelta(seconds=1)


def planned_sync(session: Session) -> None:
    """A sync that is due."""
    session.add(Target(name=TARGET))
    plan.sync(session, card(), "s")


def deliveries(session: Session) -> list[Delivery]:
    """All, oldest first."""
    return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def one_delivery(session: Session) -> Delivery:
    """The only one."""
    (row,) = deliveries(session)
    return row


def claim(worker: str) -> Callable[[Session], Any]:
    """A worker's claim."""
    return lambda session: claims.claim(session, TARGET, worker)


def record_done(session: Session) -> None:
    """The sync that w1 was handed is done."""
    row = one_delivery(session)
    handed = transitions.as_claimed(row)
    session.expunge(row)
    target = session.scalars(select(Target)).one()
    record.record(session, target, card(), "w1", (handed,), {handed.id: Done()})


def check_one_holder(session: Session) -> None:
    """One of two workers got the target's only slot, and one message."""
    assert [row.state for row in deliveries(session)] == [State.SENDING, State.PENDING]


def check_stays_cancelled(session: Session) -> None:
    """What was taken back is not sent."""
    assert deliveries(session)[0].state == State.CANCELLED


def check_freed_once(session: Session) -> None:
    """A worker's death is written down once."""
    assert len(session.scalars(select(ActionLog).where(ActionLog.result == "worker-died")).all()) == 1


def sync_held_by_w1(session: Session) -> None:
    """A sync in the hands of the worker w1."""
    planned_sync(session)
    claims.claim(session, TARGET, "w1")


def check_runs_again(session: Session) -> None:
    """A change that came while the sync was under way is not lost with it."""
    assert (one_delivery(session).state, one_delivery(session).wanted) == (State.PENDING, 2)


def check_stays_under_way(session: Session) -> None:
    """What has been begun cannot be taken back."""
    assert one_delivery(session).state == State.SENDING


def check_wanted(session: Session) -> None:
    """Both changes are counted."""
    assert one_delivery(session).wanted == 3  # with the one before


def person(session: Session) -> None:
    """Somebody of whom nothing is known."""
    session.add(Contact(id=1, manychat_id="m1"))


def set_name(name: str) -> Callable[[Session], None]:
    """An event that says one thing about the person."""

    def work(session: Session) -> None:
        contact = people.locked_contact(session, "m1")
        people.merge_person(session, contact, clock.now(), "key", **{name: name})

    return work


def check_both_names(session: Session) -> None:
    """Of each fact it is known when it was said."""
    assert {"first_name", "last_name"} <= set(session.scalars(select(Contact)).one().fact_times)


def with_opportunity(session: Session) -> None:
    """Somebody with an opportunity."""
    person(session)
    session.flush()
    session.add(Opportunity(contact_id=1, manychat_id="m1"))


def stage(number: int) -> Callable[[Session], None]:
    """An event about the opportunity."""

    def work(session: Session) -> None:
        row = opportunities.locked_opportunity(session, session.get_one(Contact, 1))
        opportunities.change_stage(session, row, number, clock.now(), None, f"key-{number}")

    return work


def check_newest_stage(session: Session) -> None:
    """The event with the greater key counts, whichever came first."""
    assert session.scalars(select(Opportunity)).one().stage_id == 18


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TWO_DAYS = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # Monday in Mexico, Tuesday in Madrid
MEXICO, MADRID = "America/Mexico_City", "Europe/Madrid"
EMAIL = Identity("email", "ana@example.com")
WINDOW = Window(zone=ZoneInfo("UTC"), country=None, quiet_from=time(0), quiet_to=time(0), days=frozenset(range(7)))


def take_place(session: Session, name: str, number: int) -> bool:
    """A message to the person of that name takes a place in the day, which has two."""
    today = days.of_person(session, aliases.of(session, [name]), WINDOW, NOON)
    return days.take_place(session, today, WINDOW.day(NOON), WINDOW.zone, number, 2)


def take(session: Session) -> None:
    """A second message takes a place in the day."""
    take_place(session, "p", 2)


def give_back(session: Session) -> None:
    """The first message gives its place back."""
    days.give_back(session, aliases.of(session, ["p"]), NOON, 1)


def day_with_one(session: Session) -> None:
    """One place is taken."""
    take_place(session, "p", 1)


def check_day(session: Session) -> None:
    """The second has its place."""
    assert session.scalars(select(MessageDay)).one().delivery_ids == [2]


def two_names(session: Session) -> None:
    """Two names of one person, to whom nothing was sent yet."""
    observing.observe(session, seen("1", "2"))


def joined_with_one(session: Session) -> None:
    """The same, of whose two places one is taken."""
    two_names(session)
    take_place(session, "lead:1", 1)


def take_by(name: str, number: int) -> Callable[[Session], object]:
    """A message to one of their names takes a place, and notes that it has one."""

    def work(session: Session) -> None:
        if take_place(session, name, number):
            session.add(ActionLog(actor="lab", action="taken", subject=name, result="done"))

    return work


def take_in(zone: str, number: int, name: str = "lead:1") -> Callable[[Session], object]:
    """A first message takes the only place of the day by a zone, and notes that it has one."""

    def work(session: Session) -> None:
        window = replace(WINDOW, zone=ZoneInfo(zone))
        today = days.of_person(session, aliases.of(session, [name]), window, TWO_DAYS)
        if days.take_place(session, today, window.day(TWO_DAYS), window.zone, number, 1):
            session.add(ActionLog(actor="lab", action="taken", subject=str(number), result="done"))

    return work


def alike(session: Session) -> None:
    """Two people who probably are one, as one form named both, and to whom nothing was sent yet."""
    observing.observe(session, Seen(source="lab", at=clock.now(), proven=(Identity("lead", "1"),), typed=(EMAIL,)))
    observing.observe(session, Seen(source="lab", at=clock.now(), proven=(Identity("lead", "2"),), typed=(EMAIL,)))


def check_full_day(session: Session) -> None:
    """The last place was taken once."""
    assert len(session.scalars(select(ActionLog)).all()) == 1


def bounced(session: Session) -> None:
    """A soft bounce, a minute from now."""
    consent.soft_bounced(session, "w", clock.now() + timedelta(minutes=1))


def arrived(session: Session) -> None:
    """An older mail has arrived."""
    consent.arrived(session, "w", clock.now())


def bounced_never(session: Session) -> None:
    """A mailbox that is known and has taken every mail."""
    consent.rows(session, ["email"], ["w"], "soft-bounce")


def check_bounce_counts(session: Session) -> None:
    """The bounce is newer, and counts."""
    row = session.scalars(select(Suppression)).one()
    assert (row.bounces, row.changed_at) == (1, clock.now() + timedelta(minutes=1))


def ask(session: Session) -> None:
    """Another change of the subject."""
    plan.sync(session, card(), "s")


def take_back(session: Session) -> None:
    """Somebody cancels the delivery."""
    plan.cancel(session, 1, "no")


def seen(*names: str) -> Seen:
    """Identities of these names, proven together."""
    return Seen(source="lab", at=clock.now(), proven=tuple(Identity("lead", name) for name in names))


def three_people(session: Session) -> None:
    """One known by `a`, one by `b` and `c`, one by `d`."""
    for names in (("a",), ("b", "c"), ("d",)):
        observing.observe(session, seen(*names))


def proof(*names: str) -> Callable[[Session], object]:
    """These are one person. The two proofs name different identities, and both lead to the second of the three."""
    return lambda session: observing.observe(session, seen(*names))


def check_one_person(session: Session) -> None:
    """All four identities are one person's."""
    assert len(set(session.scalars(select(people_models.Identity.person_id)))) == 1


RACES = {
    "a target claimed by two": Race(
        (claims, "_TARGET"), "targets", with_a_free_slot, claim("w1"), claim("w2"), check_one_holder
    ),
    "a claim of what is being taken back": Race(
        (claims, "unclaimed"), "deliveries", enqueue("a"), take_back, claim("w1"), check_stays_cancelled
    ),
    "a dead worker found by two": Race(
        (expired, "unclaimed"), "deliveries", under_way, expired.free_expired, expired.free_expired, check_freed_once
    ),
    "an outcome while a change comes": Race(
        (record, "held"), "deliveries", sync_held_by_w1, ask, record_done, check_runs_again
    ),
    "two changes of one subject": Race((plan, "_BY_KEY"), "deliveries", planned_sync, ask, ask, check_wanted),
    "a cancellation of what is being claimed": Race(
        (plan, "locked"), "deliveries", enqueue("a"), claim("w1"), take_back, check_stays_under_way
    ),
    "two events of one person": Race(
        (people, "_CONTACT"), "contacts", person, set_name("first_name"), set_name("last_name"), check_both_names
    ),
    "two stages of one opportunity": Race(
        (opportunities, "_OPPORTUNITY"), "opportunities", with_opportunity, stage(18), stage(17), check_newest_stage
    ),
    "a place of a day given back while one is taken": Race(
        (days, "_DAYS"), "message_days", day_with_one, take, give_back, check_day, besides="hold_names"
    ),
    "the last place of a day by two names of one person": Race(
        (days, "_DAYS"),
        "message_days",
        joined_with_one,
        take_by("lead:1", 2),
        take_by("lead:2", 3),
        check_full_day,
        "hold_names",
    ),
    "the only place of a day by two zones": Race(
        (days, "hold_names"), "message_days", two_names, take_in(MEXICO, 1), take_in(MADRID, 2), check_full_day
    ),
    "the only place of a day by two zones, to two who probably are one": Race(
        (days, "hold_names"), "message_days", alike, take_in(MEXICO, 1), take_in(MADRID, 2, "lead:2"), check_full_day
    ),
    "two proofs that meet in one person": Race(
        (observing, "_BY_ID"), "identities", three_people, proof("c", "d"), proof("a", "b"), check_one_person
    ),
    "an older arrival noted while a bounce is": Race(
        (consent, "locked"), "suppressions", bounced_never, bounced, arrived, check_bounce_counts
    ),
}
