"""Forecast: run a definition on a simulated clock and list which message each person would get when. Writes and sends nothing.

It asks the same functions as the engine (`schedule`, `expressions`) and as the sending of messages (windows, daily cap), so it
says what would happen, provided that vendors are up, nobody unsubscribes, and results come as `assume` has them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import RefusedError
from shared.journeys import beginnings, enrolment_records, expressions, load, schedule, timing
from shared.journeys.arrange import ADDRESS
from shared.journeys.beginnings import BeginningState
from shared.journeys.definition import Journey, Step
from shared.journeys.enrolment_records import OPEN_STEPS, Standing, StepState
from shared.journeys.forecast_lines import Line, StepChange, TalkSoFar, Traveller, What, line_of, zone_of
from shared.journeys.schedule import Due, Frame
from shared.journeys.talks import forecast as talks
from shared.journeys.talks import run
from shared.journeys.talks.definition import TalkingFlow
from shared.messages import templates
from shared.messages.windows import window_for
from shared.phrases import phrase
from shared.settings import Settings, get_settings
from shared.store.journey_models import Enrolment, JourneyBeginning

ASSUMED = {"voice": "answered"}
ASSUMED_ELSE = "delivered"
SOMEBODY = {"email": "ana@example.com", "phone": "+525512345678", "manychat_id": "1", "first_name": "Ana"}
MOST_ENROLMENTS = 1000


def newcomer(data: Mapping[str, Any], person: str = phrase("somebody"), at: datetime | None = None) -> Traveller:
    """Somebody who enters at `at` (now) with this data; addresses that are not given are made up."""
    facts = SOMEBODY | dict(data)
    moment = clock.now() if at is None else clock.as_utc(at)
    window, testing = enrolment_records.window_of(facts), get_settings().testing_mode
    frame = Frame(enrolled_at=moment, zone=window.zone.key, data=facts, testing=testing, window=window)
    return Traveller(person, frame, began=moment, is_new=True)


def enrolled(session: Session, journey: str, enrolment_id: int | None = None) -> list[tuple[Journey, Traveller]]:
    """Those who are in the journey now (or one of them), each with the version they are in; at most MOST_ENROLMENTS.

    Those who wait for the pause before it to be over are among them, as if nothing came in between.
    """
    query = select(Enrolment).where(Enrolment.journey == journey, Enrolment.state == Standing.ACTIVE)
    if enrolment_id is not None:
        query = select(Enrolment).where(Enrolment.journey == journey, Enrolment.id == enrolment_id)
    rows = session.scalars(query.order_by(Enrolment.id).limit(MOST_ENROLMENTS)).all()
    if enrolment_id is not None and not rows:
        raise RefusedError(404, "no-such-enrolment", f"There is no enrolment {enrolment_id} in {journey}.")
    found = [_traveller(enrolment_records.read_record(session, row)) for row in rows]
    return found + (_waiting(session, journey) if enrolment_id is None else [])


def forecast(journey: Journey, traveller: Traveller, assume: Mapping[str, str] | None = None) -> list[Line]:
    """What becomes of each step, by time; one without a time stands last. Somebody new enters after the pause."""
    who = _after_pause(journey, traveller) if traveller.is_new else traveller
    if isinstance(journey, TalkingFlow):
        return talks.forecast(journey, who, dict(assume or {}), clock.now())
    return _Journeying(journey, who, dict(assume or {}), get_settings()).run()


def _after_pause(journey: Journey, who: Traveller) -> Traveller:
    """Somebody new, when the pause is over after the first event of the definition that fits their data."""
    fitting = [one for one in journey.enrol_on if beginnings.fits(one, one.event, who.frame.data)]
    if not fitting or fitting[0].settle is None:
        return who
    settle = beginnings.settle_of(fitting[0], testing=who.frame.testing)
    begins = timing.after(who.frame.enrolled_at, settle, who.frame.zone)
    return replace(who, frame=replace(who.frame, enrolled_at=begins), began=begins)


def _waiting(session: Session, journey: str) -> list[tuple[Journey, Traveller]]:
    waiting = (JourneyBeginning.journey == journey, JourneyBeginning.state == BeginningState.WAITING)
    query = select(JourneyBeginning).where(*waiting).order_by(JourneyBeginning.id).limit(MOST_ENROLMENTS)
    nobody = dict.fromkeys(SOMEBODY)  # no address is made up for people who are known
    found = [newcomer(nobody | row.data, row.person, row.due_at) for row in session.scalars(query)]
    return [(load.journey(journey), replace(who, is_new=False)) for who in found]


def compare(before: Sequence[Line], after: Sequence[Line]) -> list[StepChange]:
    """What a changed definition changes for whom; times in the zone of `zone_of` all lines, which each of them names."""
    olds, news = ({(line.person, line.step): line for line in lines} for lines in (before, after))
    keys = [*olds, *(key for key in news if key not in olds)]
    zone = zone_of([*before, *after])
    pairs = ((key, _shown(olds.get(key), zone), _shown(news.get(key), zone)) for key in keys)
    return [StepChange(person=key[0], step=key[1], before=old, after=new) for key, old, new in pairs if old != new]


def _shown(line: Line | None, zone: str) -> str:
    if line is None:
        return "no such step"
    if line.goes_at is None:
        return f"{line.what}: {line.reason}" if line.reason else line.what
    return f"{line.channel} {line.template} {timing.local(line.goes_at, zone):%Y-%m-%d %H:%M} ({zone})"


def _when(line: Line) -> datetime:
    return line.goes_at or line.due_at or datetime.max.replace(tzinfo=UTC)


def _traveller(found: enrolment_records.EnrolmentRecord) -> tuple[Journey, Traveller]:
    frame, row = found.frame(), found.enrolment
    states: dict[str, What] = {StepState.SENT: "sent"}
    past: dict[str, Line] = {}
    due: dict[str, datetime] = {}
    for step in found.journey.steps:
        if (known := found.rows.get(step.id)) is None:  # of a talking flow, and not reached yet
            continue
        if known.state in OPEN_STEPS:
            due |= {step.id: known.due_at} if known.due_at and step.after else {}
            continue
        what = states.get(known.state, "skipped")
        at = known.due_at if what == "sent" else None
        past[step.id] = line_of(row.person, step, frame.zone, known.due_at, at, what, known.reason)
    talk = found.talk()
    so_far = TalkSoFar(talk.node, talk.state == run.ASKED, talk.state == run.ENDED) if talk is not None else None
    return found.journey, Traveller(row.person, frame, past, dict(row.results or {}), due, clock.now(), talk=so_far)


class _Journeying:
    """One person's way through one definition."""

    def __init__(self, journey: Journey, traveller: Traveller, assume: dict[str, str], settings: Settings) -> None:
        self.journey, self.traveller, self.settings = journey, traveller, settings
        self.assume = assume
        self.lines: dict[str, Line] = {}
        self.results = dict(traveller.results)
        self.sent_on: Counter[str] = Counter()
        known = enrolment_records.texts(traveller.frame.data)
        self.window = window_for(settings, time_zone=traveller.frame.zone, country=known["country"], phone=known["phone"])

    def run(self) -> list[Line]:
        due = schedule.dues(self.journey, self.traveller.frame)
        past = {step.id for step in self.journey.steps if step.id in self.traveller.past}
        now = self.traveller.began or clock.now()
        skips = schedule.skips(due, set(due) - past, now)
        for one in sorted(due.values(), key=lambda d: d.at or datetime.max.replace(tzinfo=now.tzinfo)):
            name = one.step.id
            known = self.traveller.past.get(name)
            self.lines[name] = known or self._step(one, skips.get(name), now)
            if known is None and self.lines[name].goes_at is not None:
                result = self.assume.get(name, ASSUMED.get(one.step.channel, ASSUMED_ELSE))
                self.results.setdefault(name, result)
        return sorted((self.lines[step.id] for step in self.journey.steps), key=_when)

    def _step(self, due: Due, skip: str | None, now: datetime) -> Line:
        step, at = due.step, self._due(due)
        if step.sent_by:
            return self._line_of(step, at, at, "recorded", f"sent_by_{step.sent_by}")
        if at is None:
            return self._line_of(
                step, None, None, "waits", phrase("there is no %(name)s to count from", name=self.journey.anchor_of(step))
            )
        if reason := skip or self._unreachable(step):
            return self._line_of(step, at, None, "skipped", reason)
        goes, why = self._allowed(step, max(schedule.goes_at(due, now) or at, now))
        facts = {"person": self.traveller.frame.data, "data": self.traveller.frame.data, "result": self.results}
        if step.when is not None and not expressions.evaluate(step.when, facts):
            return self._line_of(step, at, None, "skipped", phrase("condition: %(condition)s", condition=step.when))
        counted = due.nominal if step.after is None and due.nominal else at
        if goes > schedule.expiry(step, counted, testing=self.traveller.frame.testing):
            return self._line_of(step, at, None, "skipped", phrase("too-late: %(reason)s", reason=why))
        return self._line_of(step, at, goes, "moved" if why else "goes", why)

    def _due(self, due: Due) -> datetime | None:
        """A step after another is due when that one has its result, which is assumed to come at once."""
        step, frame = due.step, self.traveller.frame
        if step.after is None:
            return due.at
        parent = self.lines[step.after]
        if step.id in self.traveller.known_due:
            return self.traveller.known_due[step.id]
        base = parent.goes_at or parent.due_at
        return timing.after(base, schedule.delay(step, testing=frame.testing), frame.zone) if base else None

    def _unreachable(self, step: Step) -> str | None:
        data = self.traveller.frame.data
        ways = [step.channel, *(way.channel for way in step.fallback)]
        return (
            None
            if any(data.get(ADDRESS[way]) for way in ways)
            else phrase("no %(address)s is known", address=ADDRESS[step.channel])
        )

    def _allowed(self, step: Step, at: datetime) -> tuple[datetime, str | None]:
        """When it may go, and what has moved it."""
        why, kept = None, step.window == "respect" and not self.traveller.frame.testing
        if kept and (why := self.window.closed(at)):
            at = self.window.next_open(at)
        if self._transactional(step):
            return at, why
        while self.sent_on[self.window.day(at)] >= self.settings.messages_per_person_per_day:
            at, why = self.window.next_day(at), "daily-cap"
        self.sent_on[self.window.day(at)] += 1
        return at, why

    def _transactional(self, step: Step) -> bool:
        if step.transactional is not None:
            return step.transactional
        template = templates.find(step.template, None)
        return template is not None and template.transactional

    def _line_of(self, step: Step, due: datetime | None, goes: datetime | None, what: What, reason: str | None) -> Line:
        return line_of(self.traveller.person, step, self.traveller.frame.zone, due, goes, what, reason)
