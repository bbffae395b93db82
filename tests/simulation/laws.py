"""The book that is kept beside the code under test, and the laws that each sending is held against."""

from collections import Counter
from datetime import datetime
from typing import Any

from shared import clock
from tests.simulation.people import Known, Person

CAP = 3
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
# What lets the next channel have its try, and what besides gives the person's place of the day back.
REFUSED = frozenset({"failed", "call-failed", "bounced", "soft-bounced"})
NOT_REACHED = REFUSED | {"no-answer", "machine"}

type StepKey = tuple[int, str, int]


class BrokenLawError(BaseException):
    """Something happened that never may. No `Exception`: the code under test would take it for a vendor's failure."""


class Book:
    """Who is in what, what has ended for whom, what arrived: from the events that were handled, and nothing else."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.known: dict[str, Known] = {}
        self.paused: set[str] = set()
        self.sent_on: Counter[tuple[str, str]] = Counter()
        self.standing: Counter[StepKey] = Counter()  # messages of a step that arrived and were not refused afterwards
        self.tried: set[tuple[StepKey, str]] = set()
        self.refused: set[tuple[int, str]] = set()

    def add(self, person: Person) -> None:
        """Somebody new, of whom nothing is known yet."""
        self.known[person.key] = Known(person)

    @property
    def steps_sent(self) -> set[tuple[int, str]]:
        """The steps of which a message stands."""
        return {(enrolment, step) for (enrolment, step, _generation), count in self.standing.items() if count}

    def note_event(self, person: Person, event: str, data: dict[str, Any], touched: list[int]) -> None:
        """An event was handled: who is in what now, and what has ended for whom."""
        known = self.known[person.key]
        known.ended |= {number for number, journey in known.enrolments.items() if journey in ENDS.get(event, ())}
        uid = data.get("booking_uid", "")
        for number in set(touched) - set(known.enrolments):
            known.enrolments[number] = BEGINS[event]
            if event == "booking.created":
                known.bookings[uid] = number
        match event:
            case "booking.created":
                known.booked |= {uid} - known.cancelled  # a cancellation may come first
            case "booking.cancelled":
                known.booked.discard(uid)
                known.cancelled.add(uid)
                known.ended |= {known.bookings[uid]} if uid in known.bookings else set()
            case "person.unsubscribed":
                known.unsubscribed = True

    def note_status(self, payload: dict[str, Any], status: str, sent_at: datetime) -> None:
        """A vendor's later word was handled for the first time: what it takes back, and what it forbids from now on."""
        known, context = self.known[payload["person"]], payload["context"]
        if status in NOT_REACHED and not payload["transactional"]:
            self.sent_on[payload["person"], known.person.local(sent_at).date().isoformat()] -= 1
        if status in REFUSED:
            self.standing[_key(context)] -= 1
            self.refused.add((context["enrolment"], context["step"]))
        known.bounced |= status == "bounced"
        known.complained |= status == "complained"

    def check(self, payload: dict[str, Any]) -> None:
        """Nothing twice, nothing outside the window, nothing after exit, suppression or while paused, no more than the cap."""
        context, known, now = payload["context"], self.known[payload["person"]], clock.now()
        journey, local = known.enrolments.get(context["enrolment"]), known.person.local(now)
        laws = {
            "the same step twice": self._is_twice(context, payload["channel"]),
            "outside the window": payload["window"] and not known.person.is_free_for_us(now),
            "after exit": context["enrolment"] in known.ended,
            "to somebody who has booked since": journey == "lead_followup" and bool(known.booked),
            "against a suppression": payload["channel"] == "email" and _is_suppressed(known, payload),
            "while paused": journey in self.paused,
            "after its time": payload["not_after"] is not None and now > datetime.fromisoformat(payload["not_after"]),
        }
        if not payload["transactional"]:
            self.sent_on[payload["person"], local.date().isoformat()] += 1
            laws["over the daily cap"] = self.sent_on[payload["person"], local.date().isoformat()] > CAP
        if broken := [law for law, is_broken in laws.items() if is_broken]:
            what = f"{payload['person']} got {journey}.{context['step']} {broken[0]}"
            raise BrokenLawError(f"{what} ({local.isoformat()}, seed {self.seed})")
        self.standing[_key(context)] += 1
        self.tried.add((_key(context), payload["channel"]))

    def _is_twice(self, context: dict[str, Any], channel: str) -> bool:
        """Another message of the step stands, or this channel has had its try. A reminder is due again for another date."""
        number, step, generation = key = _key(context)
        is_repeated = step != "reminder" and any(self.standing[number, step, earlier] for earlier in range(generation))
        return is_repeated or self.standing[key] > 0 or (key, channel) in self.tried


def _is_suppressed(known: Known, payload: dict[str, Any]) -> bool:
    return known.bounced or ((known.unsubscribed or known.complained) and not payload["transactional"])


def _key(context: dict[str, Any]) -> StepKey:
    return context["enrolment"], context["step"], context["generation"]
