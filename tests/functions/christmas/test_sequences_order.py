"""A contact of the campaign ends the same in whatever order, and however often, what was reported of them arrives."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import select

from functions.bookings import triggers
from functions.christmas.tables import SequenceContact
from shared import clock
from shared.intake.endpoint import EVENTS_QUEUE
from shared.settings import get_settings
from shared.store.models import DeadLetter
from shared.store.session import reading
from tests.support import calcom, loops
from tests.support.examples import examples
from tests.support.functions import named
from tests.support.sequences import MONDAY, Campaign, assessment, campaign, invitee, noshow, onboarding, postcall, signed
from tests.support.world import Out, World

pytestmark = pytest.mark.slow

STEP = timedelta(minutes=30)
LAST = 100  # steps after Monday: the last report is of Wednesday evening
ARRIVAL = MONDAY + LAST * STEP + timedelta(hours=1)
STARTS = {"1": MONDAY + timedelta(hours=30), "2": MONDAY + timedelta(days=4)}  # over by then; still to come
FORMS = ("signup", "assessment", "noshow", "postcall", "onboarding")
HANDLERS = dict(zip(FORMS, ("signup", "assessment", "noshow-recovery", "postcall-maybe", "onboarding"), strict=True))
OF_CALCOM = ("created", "moved", "cancelled", "missed", "there", "ended")
OF_CALENDLY = ("invitee.created", "invitee.canceled", "invitee_no_show.created", "invitee_no_show.deleted")


@dataclass(frozen=True)
class Report:
    """Something that was reported of somebody, so many steps after Monday; `variant` is 1 or 2."""

    step: int
    kind: str
    variant: str
    name: str | None = None

    @property
    def at(self) -> datetime:
        """When."""
        return MONDAY + self.step * STEP


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign with nobody in it; and Cal.com's webhooks."""
    environment.setenv("CALCOM_WEBHOOK_SECRET", calcom.SECRET)
    with campaign(world, environment, test_clock) as found:
        get_settings.cache_clear()
        world.handlers[triggers.QUEUE] = named("calcom_handler")
        yield found


report = st.builds(
    Report,
    step=st.integers(1, LAST),
    kind=st.sampled_from((*FORMS, *OF_CALCOM, *OF_CALENDLY)),
    variant=st.sampled_from(("1", "2")),
    name=st.sampled_from((None, "Eva", "Núñez 🌟")),
)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Report], list[Report]]:
    """Everything in its order; and in another, some of it several times."""
    story = sorted(draw(st.lists(report, min_size=2, max_size=7, unique_by=lambda one: one.step)), key=lambda one: one.step)
    again = draw(st.lists(st.sampled_from(story), max_size=3))
    return story, draw(st.permutations([*story, *again]))


def body(who: str, one: Report) -> dict[str, Any]:
    """What a form sends."""
    known: dict[str, Any] = {"email": f"{who}@example.com", "first_name": one.name or "Ana"}
    if one.kind == "signup":
        return known | ({"business_name": f"Salón {one.name}"} if one.name else {})
    if one.kind == "assessment":
        scores = {"red_systems": 5 if one.variant == "1" else 0, "orange_systems": 0, "green_systems": 3}
        mailed = {"email_1_sent_at": (one.at - timedelta(minutes=10)).isoformat() if one.name else None}
        return assessment(**known, **scores, **mailed, assessment_score=10 + one.step)
    if one.kind == "noshow":
        meeting = {"calendly_event_id": f"ev-{who}-{one.variant}"} if one.name else {}
        return {**noshow(**known), "calendly_event_id": None, "scheduled_time": STARTS[one.variant].isoformat(), **meeting}
    if one.kind == "postcall":
        return postcall(**known, call_date=(one.at - timedelta(hours=1)).isoformat())
    return onboarding(**known, payment_date=one.at.isoformat())


def of_calcom(who: str, one: Report) -> dict[str, Any]:
    """What Cal.com sends."""
    start, mail, uid = STARTS[one.variant], f"{who}@example.com", f"{who}-{one.variant}"
    match one.kind:
        case "created":
            return calcom.created(one.at, uid=uid, start=start, email=mail)
        case "moved":
            later = STARTS["2"] + timedelta(days=1)
            return calcom.rescheduled(f"{uid}-later", uid, later, one.at, start, email=mail)
        case "cancelled":
            return calcom.cancelled(one.at, uid=uid, start=start, email=mail)
        case "ended":
            return calcom.ended(uid, start, email=mail)
    return calcom.no_show(one.at, uid, mail, away=one.kind == "missed")


def taken_in(ours: Campaign, who: str, one: Report) -> tuple[str, bytes]:
    """The report on its queue, taken in when it was made."""
    ours.clock.moment = one.at
    storage = ours.world.storage
    if one.kind in OF_CALCOM:
        sent, headers = calcom.signed(of_calcom(who, one))
        known = {"content-type": "application/json"} | headers
        out = Out()
        request = func.HttpRequest(method="POST", url="http://localhost/api/calcom", headers=known, body=sent)
        assert loops.run(named("calcom_webhook")(request, out)).status_code == 202
        return triggers.QUEUE, out.value
    if one.kind in OF_CALENDLY:
        number = f"{who}-{one.variant}"
        start = {"start_time": STARTS[one.variant].isoformat()}
        sent_by_them = invitee(number, email=f"{who}@example.com", name=f"{one.name or 'Ana'} Pérez")
        sent_by_them["scheduled_event"] |= start
        body_sent = json.dumps({"event": one.kind, "created_at": one.at.isoformat(), "payload": sent_by_them}).encode()
        answer = ours.send("noshow-recovery-handler", body_sent, key=None, headers=signed(body_sent, one.at))
    else:
        answer = ours.send(f"{HANDLERS[one.kind]}-handler", body(who, one))
    assert answer.status_code == 202, answer.get_body()
    item = storage.take(EVENTS_QUEUE)
    assert item is not None
    return EVENTS_QUEUE, item.body


def end(ours: Campaign, who: str, order: list[Report]) -> dict[str, Any] | None:
    """Where somebody stands when all of it has arrived, one after the other."""
    events = {one: taken_in(ours, who, one) for one in sorted(set(order), key=lambda one: one.step)}
    ours.clock.moment = ARRIVAL
    for one in order:
        ours.world.storage.send(*events[one])
        ours.world.run()
    with reading() as session:
        assert session.scalars(select(DeadLetter.error_message)).all() == []
        row = session.scalars(select(SequenceContact).where(SequenceContact.email == f"{who}@example.com")).one_or_none()
        return {name: getattr(row, name) for name in SHOWN} if row is not None else None


SHOWN = (
    "first_name",
    "last_name",
    "business_name",
    "campaign_status",
    "segment",
    "assessment_score",
    "phase",
    "booking_status",
    "diagnostic_call_at",
    "unsubscribed",
)


ENDED_AND_MISSED = [Report(10, "noshow", "2"), Report(20, "created", "1"), Report(30, "ended", "1")]
MISSED_BY_OUR_FORM = [Report(10, "invitee.created", "2"), Report(20, "noshow", "2", "Eva"), Report(30, "created", "1")]


@given(orders=arrivals())
@example(orders=(ENDED_AND_MISSED, ENDED_AND_MISSED[::-1]))
@example(orders=(MISSED_BY_OUR_FORM, MISSED_BY_OUR_FORM[::-1]))
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_ends_the_same(ours: Campaign, orders: tuple[list[Report], list[Report]]) -> None:
    """Forms, meetings of both calendars, and what became of them."""
    note(f"in order: {orders[0]}\nas it came: {orders[1]}")
    number = ours.__dict__.setdefault("stories", 0)
    ours.__dict__["stories"] += 1
    first, second = (end(ours, f"s{number}o{place}", order) for place, order in enumerate(orders))
    assert first == second
