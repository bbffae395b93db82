"""A year in the lives of many people, on one clock that is moved by hand, from one seed.

People leave their data, book, move and cancel meetings, pay, unsubscribe; their events come late, twice and out of order. The
vendors fail, for a moment or for days, refuse some people, and lose answers; our own process dies at fault points. What must
never happen is checked at the moment of each sending, against a book that is kept here and not by the code under test.
"""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from sqlalchemy import func, select

from shared import clock, faults
from shared.errors import PermanentError, PuenteError, RetryableError, UnavailableError
from shared.journeys import engine, pauses
from shared.messages import consent
from shared.messages.outcomes import Outcome as News
from shared.messages.outcomes import tell
from shared.messages.who import who_of_person
from shared.outbox.actions import Claimed, Done, Outcome
from shared.outbox.claims import IS_PENDING, IS_SENDING, free_expired
from shared.outbox.execute import drain
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.support.journeys import CARRIERS, Post

START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
HOMES = (
    ("MX", "America/Mexico_City", "+5255{:08d}"),
    ("ES", "Europe/Madrid", "+346{:08d}"),
    ("US", "America/New_York", "+1212{:07d}"),
    ("CL", "America/Santiago", "+569{:08d}"),
)
CAP = 3
TICK = timedelta(minutes=10)  # what becomes due is sent at the next tick, as by a dispatcher that runs so often
# Events that end a journey for good, for whoever is in it at that moment.
ENDS = {
    "payment.received": ("lead_followup", "assessment", "noshow", "postcall"),
    "person.unsubscribed": ("lead_followup", "assessment", "noshow", "postcall", "onboarding"),
    "booking.created": ("assessment", "noshow"),
}
BEGINS = {
    "lead.created": "lead_followup",
    "assessment.completed": "assessment",
    "noshow.reported": "noshow",
    "postcall.maybe": "postcall",
    "onboarding.started": "onboarding",
    "booking.created": "booking",
}
CRASHES = ("outbox.after_claim", "outbox.after_call", "outbox.after_record")


class BrokenLawError(AssertionError):
    """Something happened that never may."""


@dataclass(frozen=True)
class Person:
    """Somebody, and where they live."""

    key: str
    country: str
    zone: str
    data: dict[str, Any]


@dataclass
class Known:
    """What this book knows of a person, from the events that were handled."""

    person: Person
    booked: set[str] = field(default_factory=set)
    paid: bool = False
    unsubscribed: bool = False
    enrolments: dict[int, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    bookings: dict[str, int] = field(default_factory=dict)


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
            year.check(payload)
            super()._one(delivery)
            year.sent(delivery.id, payload)
        if error is not None:
            raise error
        return Done({"id": f"V{delivery.id}"})


class Year:
    """The year of one seed. `run` ends with everything settled, or with a `BrokenLawError`."""

    def __init__(self, seed: int, people: int, test_clock: clock.TestClock) -> None:
        self.seed, self.clock = seed, test_clock
        self.chance = random.Random(seed)  # noqa: S311  # lives, not secrets
        self.waits: dict[str, datetime | None] = dict.fromkeys(CARRIERS)
        self.lease_ends: datetime | None = None
        self.numbers = itertools.count()
        self.todo: list[tuple[datetime, int, Callable[[], None]]] = []
        self.known: dict[str, Known] = {}
        self.vendors = Vendors(self)
        self.sent_on: Counter[tuple[str, str]] = Counter()
        self.once: Counter[tuple[int, str, int]] = Counter()
        self.steps_sent: set[tuple[int, str]] = set()
        self.paused: set[str] = set()
        self.handled = self.crashes = 0
        self.outages = [self._outage() for _ in range(12)]
        self.calendars = {country: holidays.country_holidays(country) for country, _zone, _phone in HOMES}
        for number in range(people):
            self._life(self._somebody(number))
        for _ in range(people // 4 + 4):
            self._at(START + YEAR * self.chance.random(), self._crash)
        for begin in (START + timedelta(days=90), START + timedelta(days=250)):
            self._at(begin, self._pause)
            self._at(begin + timedelta(days=4, hours=7), self._resume)

    # --- the passage of time

    def run(self) -> None:
        """Let the year pass, and as many days after it as it takes until nothing is left to do."""
        end = START + YEAR + timedelta(days=120)
        while (moment := self._next()) is not None:
            if moment > end:
                raise BrokenLawError(f"something is still to be done on {moment:%Y-%m-%d}")
            self.clock.moment = max(self.clock.moment, moment)
            while self.todo and self.todo[0][0] <= self.clock.moment:
                heapq.heappop(self.todo)[2]()
            self._dispatch()

    def _next(self) -> datetime | None:
        """When something is to be done next; what is due already but held back is tried again after minutes."""
        first = [self.todo[0][0]] if self.todo else []
        with reading() as session:
            for carrier in CARRIERS:
                waits = select(func.min(Delivery.due_at)).where(IS_PENDING, Delivery.target == carrier)
                self.waits[carrier] = session.scalar(waits)
            self.lease_ends = session.scalar(select(func.min(Delivery.lease_until)).where(IS_SENDING))
        soon = self.clock.moment + TICK
        owed = [max(moment, soon) for moment in (*self.waits.values(), self.lease_ends) if moment]
        return min([*first, *owed], default=None)

    def _dispatch(self) -> None:
        if self.lease_ends is not None and self.lease_ends <= self.clock.moment:
            transact(free_expired)
        for carrier in CARRIERS:
            waits = self.waits[carrier]
            if waits is None or waits > self.clock.moment:
                continue
            try:
                drain(carrier)
            except faults.InjectedFault:
                self.crashes += 1
        faults.inject("")

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
        self.paused.add("lead_followup")

    def _resume(self) -> None:
        self.paused.clear()
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

    def _somebody(self, number: int) -> Person:
        country, zone, phone = HOMES[number % len(HOMES)]
        data = {"first_name": f"P{number}", "email": f"p{number}@example.com", "phone": phone.format(number + 1)}
        if self.chance.random() < 0.1:
            del data[self.chance.choice(("email", "phone"))]
        person = Person(f"lead:{number}", country, zone, data | {"time_zone": zone, "country": country})
        self.known[person.key] = Known(person)
        return person

    def _life(self, person: Person) -> None:
        for at, event, data in self._events(person):
            key = f"{event}:{person.key}:{data.get('booking_uid', '')}:{data.get('start_at', '')}"
            for _ in range(1 if self.chance.random() < 0.8 else 3):
                late = timedelta(minutes=self.chance.choice((0, 0, 0, 0, 1, 30, 60 * 30)))
                self._at(at + late, lambda at=at, event=event, data=data, key=key: self._handle(person, event, data, key, at))

    def _events(self, person: Person) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        chance = self.chance
        begin = START + timedelta(seconds=round(YEAR.total_seconds() * chance.random()))
        yield begin, "lead.created", person.data
        if chance.random() < 0.4:
            yield from self._meeting(person, begin + timedelta(hours=chance.randrange(1, 300)))
        if chance.random() < 0.2:
            at = begin + timedelta(hours=chance.randrange(0, 400))
            yield (
                at,
                "assessment.completed",
                person.data | {"email_1_sent_at": (at - timedelta(hours=chance.choice((0, 30)))).isoformat()},
            )
        if chance.random() < 0.1:
            yield begin + timedelta(hours=chance.randrange(50, 500)), "postcall.maybe", person.data
        if chance.random() < 0.1:
            yield begin + timedelta(hours=chance.randrange(1, 500)), "person.unsubscribed", {}
        if chance.random() < 0.15:
            paid = begin + timedelta(hours=chance.randrange(1, 500))
            yield paid, "payment.received", {}
            yield paid + timedelta(minutes=1), "onboarding.started", person.data

    def _meeting(self, person: Person, at: datetime) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        chance, uid = self.chance, f"b{person.key}"
        start = at + timedelta(hours=chance.randrange(2, 200))

        def facts(start: datetime) -> dict[str, Any]:
            return {"booking_uid": uid, "start_at": start.isoformat(), "end_at": (start + timedelta(hours=1)).isoformat()}

        yield at, "booking.created", person.data | facts(start)
        if chance.random() < 0.3:
            moved = at + (start - at) * chance.random()
            start += timedelta(hours=chance.randrange(24, 100))
            yield moved, "booking.rescheduled", facts(start)
        if chance.random() < 0.3:
            yield at + (start - at) * chance.random(), "booking.cancelled", {"booking_uid": uid}
        elif chance.random() < 0.3:
            yield start + timedelta(minutes=20), "booking.noshow", {"booking_uid": uid}
            yield start + timedelta(minutes=21), "noshow.reported", person.data | {"calendly_event": uid}

    def _handle(self, person: Person, event: str, data: dict[str, Any], key: str, at: datetime) -> None:
        """Handle an event as a flow would; sometimes the process dies before the commit, and it comes again."""
        dies = self.chance.random() < 0.02

        def work(session: Any) -> list[int]:
            touched = engine.signal(session, event, [person.key], data, event_key=key, at=at)
            if event == "person.unsubscribed":
                consent.suppress(session, ["email"], [who_of_person(person.key)], "unsubscribed", clock.now())
            if dies:
                raise faults.InjectedFault("before the commit")
            return touched

        try:
            touched = transact(work)
        except faults.InjectedFault:
            self.crashes += 1
            self._at(clock.now() + timedelta(minutes=2), lambda: self._handle(person, event, data, key, at))
            return
        self.handled += 1
        self._note(self.known[person.key], event, data, touched)

    def _note(self, known: Known, event: str, data: dict[str, Any], touched: list[int]) -> None:
        """Keep the book: who is in what, and what has ended for whom."""
        known.ended |= {number for number, journey in known.enrolments.items() if journey in ENDS.get(event, ())}
        uid = data.get("booking_uid", "")
        for number in set(touched) - set(known.enrolments):
            known.enrolments[number] = BEGINS[event]
            if event == "booking.created":
                known.bookings[uid] = number
        match event:
            case "booking.created":
                known.booked.add(uid)
            case "booking.cancelled":
                known.booked.discard(uid)
                known.ended |= {known.bookings[uid]} if uid in known.bookings else set()
            case "person.unsubscribed":
                known.unsubscribed = True

    # --- the laws, at the moment of sending

    def check(self, payload: dict[str, Any]) -> None:
        """Nothing twice, nothing outside the window, nothing after exit, suppression or while paused, no more than the cap."""
        context, known = payload["context"], self.known[payload["person"]]
        number, step = context["enrolment"], context["step"]
        self.once[number, step, context["generation"]] += 1
        local = clock.now().astimezone(ZoneInfo(known.person.zone))
        journey = known.enrolments.get(number)
        laws = {
            "the same step twice": self.once[number, step, context["generation"]] > 1
            or ((number, step) in self.steps_sent and step != "reminder"),
            "outside the window": payload["window"] and not self._open(known.person, local),
            "after exit": number in known.ended,
            "to somebody who has booked": journey == "lead_followup" and bool(known.booked),
            "against a suppression": known.unsubscribed and payload["channel"] == "email" and not payload["transactional"],
            "while paused": journey in self.paused,
            "after its time": payload["not_after"] is not None and clock.now() > datetime.fromisoformat(payload["not_after"]),
        }
        if not payload["transactional"]:
            self.sent_on[payload["person"], local.date().isoformat()] += 1
            laws["over the daily cap"] = self.sent_on[payload["person"], local.date().isoformat()] > CAP
        if broken := [law for law, is_broken in laws.items() if is_broken]:
            raise BrokenLawError(
                f"{payload['person']} got {journey}.{step} {broken[0]} ({local.isoformat()}, seed {self.seed})"
            )

    def _open(self, person: Person, local: datetime) -> bool:
        return 9 <= local.hour < 20 and local.weekday() != 6 and local.date() not in self.calendars[person.country]

    def sent(self, delivery_id: int, payload: dict[str, Any]) -> None:
        """A message has arrived: the recipient may answer the call, the vendor may report."""
        context = payload["context"]
        self.steps_sent.add((context["enrolment"], context["step"]))
        words = ("answered", "no-answer", "machine", None) if payload["channel"] == "voice" else ("delivered", None)
        if (word := self.chance.choice(words)) is None:
            return
        news = News(word=word, channel=payload["channel"], delivery_id=delivery_id, at=clock.now())  # type: ignore[arg-type]
        delay = timedelta(minutes=self.chance.choice((2, 10)))
        self._at(clock.now() + delay, lambda: transact(lambda session: tell(session, context, news)))
