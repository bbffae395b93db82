"""A year in the lives of many people, on one clock that is moved by hand, from one seed.

People leave their data, book, move and cancel meetings, pay, unsubscribe; their events come late, twice and out of order. The
vendors fail, for a moment or for days, refuse some people at once and some later, and lose answers; our own process dies at
fault points. What must never happen is checked at the moment of each sending, against the book in `laws`, which is kept here
and not by the code under test.

Each event has an instant of its own. What is due is sent when the dispatcher runs, every half hour; at times the nudge that
follows an event is not lost either, and it is sent at once.
"""

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from shared import clock, faults
from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError
from shared.journeys import engine, pauses
from shared.messages import consent, statuses
from shared.messages.digests import digest_of_address, digest_of_person
from shared.messages.events import ProviderEvent
from shared.outbox import plan
from shared.outbox.actions import Claimed, Done, Outcome
from shared.outbox.claims import IS_PENDING
from shared.outbox.execute import drain
from shared.outbox.expired import IS_SENDING, free_expired
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.simulation.laws import Book, BrokenLawError
from tests.simulation.people import START, YEAR, Person, life, somebody
from tests.support.journeys import CARRIERS, Post

TICK = timedelta(minutes=30)  # the dispatcher's
CRASHES = ("outbox.after_claim", "outbox.after_call", "outbox.after_record")
LEASES = "leases"
# What vendors say later, by channel: one of these, each of its words in order. Nothing comes of the rest.
LATER_WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "email": (
        *[("delivered",)] * 30,
        *[("delivered", "opened")] * 15,
        (),
        *[()] * 15,
        ("bounced",),
        ("soft-bounced",),
        ("complained",),
    ),
    "whatsapp": (*[("sent", "delivered")] * 12, ("sent", "failed"), ("failed",), *[()] * 6),
    "sms": (*[("sent", "delivered")] * 12, ("sent", "failed"), *[()] * 6),
    "voice": (("answered",), ("no-answer",), ("machine",), ("call-failed",), ()),
}
DUE = union_all(
    *(
        select(literal(carrier), func.min(Delivery.due_at)).where(IS_PENDING, Delivery.target == carrier)
        for carrier in CARRIERS
    ),
    select(literal(LEASES), func.min(Delivery.lease_until)).where(IS_SENDING),
)


class Vendors(Post):
    """All vendors: they keep what arrived by its key, and hold every sending against the book."""

    def __init__(self, year: "Year") -> None:
        super().__init__()
        self.year, self.arrived = year, set[str]()

    def _one(self, delivery: Claimed) -> Outcome:
        year, payload = self.year, delivery.payload
        error = year.mishap(payload)
        if isinstance(error, PuenteError):
            return error
        if delivery.key not in self.arrived:  # a repeated key is the vendor's to drop
            self.arrived.add(delivery.key)
            year.book.check(payload)
            super()._one(delivery)
            year.sent(delivery.id, payload)
        if error is not None:
            raise error
        return Done({"id": f"V{delivery.id}"})


class Year:
    """The year of one seed. `run` ends with everything settled, or with a `BrokenLawError`."""

    def __init__(self, seed: int, people: int, test_clock: clock.TestClock) -> None:
        self.clock, self.book, self.vendors = test_clock, Book(seed), Vendors(self)
        self.chance = random.Random(seed)  # noqa: S311  # lives, not secrets
        self.waits: dict[str, datetime | None] = {}
        self.numbers = itertools.count()
        self.todo: list[tuple[datetime, int, Callable[[], None]]] = []
        self.handled = self.crashes = 0
        self.outages = [self._outage() for _ in range(12)]
        for number in range(people):
            self._live(somebody(number, self.chance))
        for _ in range(people // 4 + 4):
            self._at(START + YEAR * self.chance.random(), self._crash)
        for begin in (START + timedelta(days=90), START + timedelta(days=250)):
            self._at(begin, self._pause)
            self._at(begin + timedelta(days=4, hours=7), self._resume)

    # --- the passage of time

    def run(self) -> None:
        """Let the year pass, and as many days after it as it takes until nothing is left to do."""
        end = START + YEAR + timedelta(days=120)
        while (tick := self._next_tick()) is not None:
            if tick > end:
                raise BrokenLawError(f"something is still to be done on {tick:%Y-%m-%d}")
            self._live_until(tick)
            self._dispatch()
        faults.inject("")

    def _next_tick(self) -> datetime | None:
        """When the dispatcher will have something to do, or somebody else before it runs."""
        self._look()
        first = min([*self.waits.values(), *(one[0] for one in self.todo[:1])], default=None)
        if first is None:
            return None
        passed = max(first - START, self.clock.moment - START + timedelta(microseconds=1))
        return START + TICK * -(-passed // TICK)

    def _look(self) -> None:
        with reading() as session:
            self.waits = {name: moment for name, moment in session.execute(DUE) if moment}

    def _live_until(self, tick: datetime) -> None:
        if is_eventful := bool(self.todo) and self.todo[0][0] <= tick:
            while self.todo and self.todo[0][0] <= tick:
                moment, _number, deed = heapq.heappop(self.todo)
                self.clock.moment = max(self.clock.moment, moment)
                deed()
        self.clock.moment = max(self.clock.moment, tick)
        if is_eventful:
            self._look()

    def _dispatch(self) -> None:
        due = [name for name, moment in self.waits.items() if moment <= self.clock.moment]
        if LEASES in due:
            transact(free_expired)
        for carrier in due:
            if carrier != LEASES:
                self._drain(carrier)

    def _drain(self, carrier: str) -> None:
        try:
            drain(carrier)
        except faults.InjectedFault:
            self.crashes += 1

    def _at(self, moment: datetime, deed: Callable[[], None]) -> None:
        heapq.heappush(self.todo, (moment, next(self.numbers), deed))

    # --- mishaps

    def _crash(self) -> None:
        faults.inject(f"{self.chance.choice(CRASHES)}=raise:1x1")

    def _outage(self) -> tuple[str, datetime, datetime]:
        begin = START + YEAR * self.chance.random()
        return self.chance.choice(CARRIERS), begin, begin + timedelta(hours=self.chance.choice((1, 5, 30)))

    def _pause(self) -> None:
        pauses.pause("lead_followup", "simulation")
        self.book.paused.add("lead_followup")

    def _resume(self) -> None:
        self.book.paused.clear()
        pauses.resume("lead_followup", "simulation")

    def mishap(self, payload: dict[str, Any]) -> Exception | None:
        """What goes wrong with this sending: an error before it (ours), or an answer that is lost after it (any other)."""
        now = clock.now()
        if any(carrier == payload["carrier"] and begin <= now < end for carrier, begin, end in self.outages):
            return UnavailableError("down")
        if payload["channel"] == "whatsapp" and payload["person"].endswith("7"):
            return PermanentError("not-on-whatsapp", "no such user")
        dice = self.chance.random()
        if dice < 0.02:
            return RetryableError("try later")
        return OSError("the connection was cut") if dice < 0.03 else None

    # --- people

    def _live(self, person: Person) -> None:
        self.book.add(person)
        for at, event, data in life(person, self.chance):
            key = f"{event}:{person.key}:{data.get('booking_uid', '')}:{data.get('start_at', '')}"
            for _ in range(1 if self.chance.random() < 0.8 else 3):
                late = timedelta(minutes=self.chance.choice((0, 0, 0, 0, 1, 30, 60 * 30)))
                self._at(at + late, lambda at=at, event=event, data=data, key=key: self._handle(person, event, data, key, at))

    def _handle(self, person: Person, event: str, data: dict[str, Any], key: str, at: datetime) -> None:
        """Handle an event as a flow would; sometimes the process dies before the commit, and it comes again."""
        dies, is_nudged = self.chance.random() < 0.02, self.chance.random() < 0.1

        def work(session: Session) -> tuple[list[int], set[str]]:
            touched = engine.signal(session, event, [person.key], data, event_key=key, at=at)
            if event == "person.unsubscribed":
                consent.suppress(session, ["email"], [digest_of_person(person.key)], "unsubscribed", clock.now())
            if dies:
                raise faults.InjectedFault("before the commit")
            return touched, plan.newly_due(session)

        try:
            touched, due = transact(work)
        except faults.InjectedFault:
            self.crashes += 1
            self._at(clock.now() + timedelta(minutes=2), lambda: self._handle(person, event, data, key, at))
            return
        self.handled += 1
        self.book.note_event(person, event, data, touched)
        for carrier in sorted(due) if is_nudged else ():
            self._drain(carrier)

    # --- vendors

    def sent(self, delivery_id: int, payload: dict[str, Any]) -> None:
        """A message has arrived: what the vendor will report of it, late, at times twice and in another order."""
        told: set[str] = set()
        sent_at, when = clock.now(), clock.now()
        for word in self.chance.choice(LATER_WORDS[payload["channel"]]):
            when += timedelta(minutes=self.chance.choice((0, 2, 10)))
            for _ in range(1 if self.chance.random() < 0.9 else 2):
                late = when + timedelta(minutes=self.chance.choice((0, 0, 0, 45, 60 * 9)))
                self._at(late, lambda word=word: self._report(delivery_id, payload, word, sent_at, told))

    def _report(self, delivery_id: int, payload: dict[str, Any], word: str, sent_at: datetime, told: set[str]) -> None:
        news = ProviderEvent(
            provider=payload["carrier"],
            vendor_id=f"V{delivery_id}",
            status=word,
            at=clock.now(),
            reason="twilio-63024" if word == "failed" else None,
            delivery_id=delivery_id if payload["carrier"] == "twilio" else None,
            who=digest_of_address(payload["to"]) if payload["channel"] == "email" else None,
        )
        transact(lambda session: statuses.status(session, news))
        if word not in told:
            told.add(word)
            self.book.note_status(payload, word, sent_at)
