"""Meetings in Cal.com on the contact of the campaign: what Notion shows is what stands in the calendar, in whatever order."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

from functions.bookings import triggers
from functions.christmas.tables import SequenceContact
from shared import clock, faults
from shared.settings import get_settings
from shared.store.session import reading
from tests.support import calcom, loops
from tests.support.functions import named
from tests.support.sequences import MONDAY, Campaign, assessment, campaign, invitee, postcall
from tests.support.world import Out, World

pytestmark = pytest.mark.slow

STARTS = MONDAY + timedelta(days=3)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign, with Ana in it and an hour passed; and Cal.com's webhooks."""
    environment.setenv("CALCOM_WEBHOOK_SECRET", calcom.SECRET)
    with campaign(world, environment, test_clock) as found:
        get_settings.cache_clear()
        world.handlers[triggers.QUEUE] = named("calcom_handler")
        found.take("assessment-handler", assessment())
        found.clock.advance(hours=1)
        yield found


def receive(ours: Campaign, *words: dict[str, Any]) -> None:
    """Cal.com's webhooks, each handled before the next."""
    for word in words:
        post(ours, word)
        ours.world.run()


def post(ours: Campaign, word: dict[str, Any]) -> None:
    """A webhook of Cal.com's, onto the queue."""
    body, headers = calcom.signed(word)
    out = Out()
    known = {"content-type": "application/json"} | headers
    request = func.HttpRequest(method="POST", url="http://localhost/api/calcom", headers=known, body=body)
    assert loops.run(named("calcom_webhook")(request, out)).status_code == 202
    assert out.value is not None
    ours.world.storage.send(triggers.QUEUE, out.value)


def created(uid: str = "uid1", at: datetime = MONDAY, start: datetime = STARTS, **more: Any) -> dict[str, Any]:
    """Ana books for Thursday."""
    return calcom.created(at, uid=uid, start=start, **more)


def cancelled(at: datetime, uid: str = "uid1", start: datetime = STARTS) -> dict[str, Any]:
    """Ana cancels."""
    return calcom.cancelled(at, uid=uid, start=start)


def shown(ours: Campaign) -> tuple[Any, Any]:
    """What Notion shows of Ana's meeting when everything is carried out."""
    ours.settle()
    (page,) = ours.notion.rows("contacts")
    return page["Booking Status"], page.get("Diagnostic Call Date")


def test_booked(ours: Campaign) -> None:
    """With its date, and she is on her way to the call."""
    receive(ours, created())
    assert shown(ours) == ("Booked", STARTS.isoformat())
    assert ours.contact().campaign_status == "Pre-Call Prep"


def test_cancelled(ours: Campaign) -> None:
    """She is not booked any more, and where she was before."""
    receive(ours, created(), cancelled(MONDAY + MINUTE))
    assert shown(ours) == ("Not Booked", None)
    assert ours.contact().campaign_status == "Nurture Sequence"


def test_put_off(ours: Campaign) -> None:
    """The new date counts."""
    later = STARTS + timedelta(days=1)
    receive(ours, created(), calcom.rescheduled("uid2", "uid1", later, MONDAY + MINUTE, STARTS))
    assert shown(ours) == ("Booked", later.isoformat())


def test_took_place(ours: Campaign) -> None:
    """The meeting's end completes it."""
    receive(ours, created())
    ours.clock.moment = STARTS + timedelta(hours=1)
    receive(ours, calcom.ended(start=STARTS))
    assert shown(ours)[0] == "Completed"


def test_missed_and_not_missed_after_all(ours: Campaign) -> None:
    """No-Show; with the mark taken back she was there."""
    receive(ours, created())
    ours.clock.moment = STARTS + timedelta(hours=1)
    receive(ours, calcom.no_show(STARTS + 20 * MINUTE), calcom.ended(start=STARTS))
    assert shown(ours)[0] == "No-Show"
    receive(ours, calcom.no_show(STARTS + 40 * MINUTE, away=False))
    assert shown(ours)[0] == "Completed"


WORDS = {
    "cancelled": (created(), cancelled(MONDAY + MINUTE), calcom.created(MONDAY + 2 * MINUTE, uid="uid9", email="otra@e.mx")),
    "missed": (created(), calcom.no_show(STARTS + 20 * MINUTE), calcom.ended(start=STARTS)),
    "booked anew": (created(), cancelled(MONDAY + 2 * MINUTE), created("uid2", MONDAY + MINUTE, STARTS + timedelta(days=9))),
}
ENDS = {
    "cancelled": ("Not Booked", None),
    "missed": ("No-Show", STARTS.isoformat()),
    "booked anew": ("Booked", (STARTS + timedelta(days=9)).isoformat()),
}


@pytest.mark.parametrize("case", WORDS)
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_every_order_ends_the_same(ours: Campaign, case: str, order: tuple[int, ...]) -> None:
    """Late, early, and once more at the end."""
    ours.clock.moment = STARTS + timedelta(hours=1)
    words = [WORDS[case][number] for number in order]
    receive(ours, *words, *words)
    assert shown(ours) == ENDS[case]


def test_booked_before_she_came_into_the_campaign(ours: Campaign) -> None:
    """Her sign-up finds the meeting; the meeting alone makes nobody a contact."""
    receive(ours, created(email="luz@example.com"))
    with reading() as session:
        assert session.scalars(select(SequenceContact.email)).all() == ["ana@example.com"]
    ours.take("signup-handler", {"email": "luz@example.com", "first_name": "Luz", "business_name": "Luz"})
    luz = ours.contact("luz@example.com")
    assert (luz.booking_status, luz.diagnostic_call_at, luz.campaign_status) == ("Booked", STARTS, "Pre-Call Prep")


def test_meeting_in_calendly_stands_when_that_in_calcom_is_cancelled(ours: Campaign) -> None:
    """Whoever has a meeting to come is booked."""
    ours.calendly("invitee.created", **invitee())
    receive(ours, created(at=MONDAY + 70 * MINUTE, start=STARTS + timedelta(days=1)), cancelled(MONDAY + 80 * MINUTE))
    ours.clock.advance(hours=1)
    assert shown(ours) == ("Booked", STARTS.isoformat())


def test_newer_word_by_another_way_stands(ours: Campaign) -> None:
    """The call took place as we were told; an older word of the calendar that comes late does not undo it."""
    receive(ours, created(start=MONDAY - timedelta(hours=2), at=MONDAY - timedelta(days=1)))
    ours.take("postcall-maybe-handler", postcall())
    receive(ours, cancelled(MONDAY - timedelta(hours=9), start=MONDAY - timedelta(hours=2)))
    assert shown(ours)[0] == "Completed"


@pytest.mark.parametrize("point", ["inbox.before_commit", "inbox.after_commit"])
def test_crash_at_the_commit(ours: Campaign, point: str) -> None:
    """The queue brings the word back: the contact and the meeting change together, once."""
    post(ours, created())
    faults.inject(f"{point}=raise:1x1")
    ours.world.run_for(ours.clock, minutes=5, swallow=(faults.InjectedFault,))
    assert shown(ours) == ("Booked", STARTS.isoformat())
    assert ours.outcomes() == ["applied", "applied"]
