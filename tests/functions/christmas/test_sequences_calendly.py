"""Calendly's own webhooks: signed, in any order, and a meeting that is put off is neither lost nor new."""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from functions.bookings.tables import Booking
from shared import clock
from shared.journeys import engine
from shared.store.journey_models import Enrolment
from shared.store.models import DeadLetter
from shared.store.session import reading, transact
from tests.support.sequences import MONDAY, Campaign, assessment, campaign, invitee, noshow, postcall, signed
from tests.support.world import World

pytestmark = pytest.mark.slow

HANDLER = "noshow-recovery-handler"


@pytest.fixture
def ours(world: World, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> Iterator[Campaign]:
    """The campaign, with Ana in the five days."""
    with campaign(world, environment, test_clock) as found:
        found.take("assessment-handler", assessment())
        yield found


def standing(journey: str) -> tuple[str, str | None] | None:
    """Where the newest enrolment in a journey stands, and why."""
    with reading() as session:
        query = select(Enrolment).where(Enrolment.journey == journey).order_by(Enrolment.id.desc())
        row = session.scalars(query).first()
    return (row.state, row.reason) if row else None


def bookings() -> list[tuple[str, str]]:
    """Each meeting's current name and status."""
    with reading() as session:
        return [
            (row.current_uid.rpartition("/")[2], row.status) for row in session.scalars(select(Booking).order_by(Booking.id))
        ]


class TestSignature:
    """Who is let in."""

    BODY = json.dumps({"event": "invitee.created", "created_at": MONDAY.isoformat(), "payload": invitee()}).encode()

    def test_signed(self, ours: Campaign) -> None:
        """No key is needed."""
        assert ours.send(HANDLER, self.BODY, key=None, headers=signed(self.BODY, MONDAY)).status_code == 202

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            signed(BODY, MONDAY, key="another"),
            signed(BODY + b" ", MONDAY),
            signed(BODY, MONDAY - timedelta(hours=24, seconds=1)),
            signed(BODY, MONDAY + timedelta(minutes=4)),
            {"calendly-webhook-signature": "t=1,v1="},
        ],
        ids=["none", "another key", "altered", "stale", "from the future", "empty"],
    )
    def test_forged(self, ours: Campaign, headers: dict[str, str]) -> None:
        """Without a key it must be signed by Calendly, over these bytes, now."""
        assert ours.send(HANDLER, self.BODY, key=None, headers=headers).status_code == 401

    def test_sent_again_with_its_first_time(self, ours: Campaign) -> None:
        """Calendly repeats for a day, perhaps without signing anew, and then gives the subscription up."""
        old = signed(self.BODY, MONDAY - timedelta(hours=23))
        assert ours.send(HANDLER, self.BODY, key=None, headers=old).status_code == 202

    def test_bad_signature_is_not_mended_by_a_key(self, ours: Campaign) -> None:
        """What says it is Calendly's must be."""
        assert ours.send(HANDLER, self.BODY, headers=signed(self.BODY, MONDAY, key="another")).status_code == 401

    def test_with_a_key_in_its_place(self, ours: Campaign) -> None:
        """Somebody who passes Calendly's webhooks on."""
        assert ours.send(HANDLER, self.BODY).status_code == 202

    @pytest.mark.parametrize(
        "body",
        [
            {"event": "routing_form_submission.created", "payload": {"uri": "x"}},
            {"event": "invitee.created", "payload": {}},
            {"event": "invitee.created", "payload": None, "created_at": 17},
            {"event": "invitee.created", "payload": invitee(email="no address", scheduled_event="soon", no_show=[])},
        ],
    )
    def test_what_cannot_be_used_is_taken_in_and_ignored(self, ours: Campaign, body: dict[str, object]) -> None:
        """Calendly gives up a subscription that is refused."""
        raw = json.dumps(body).encode()
        ours.take(HANDLER, raw, key=None, headers=signed(raw, MONDAY))
        assert ours.outcomes()[-1] == "ignored"


class TestBooking:
    """Booked, cancelled, put off."""

    def test_booking_ends_the_five_days(self, ours: Campaign) -> None:
        """And the contact says so; the journey around meetings of Cal.com takes no part."""
        ours.calendly("invitee.created", **invitee())
        ours.run(days=6)
        assert standing("assessment") == ("exited", "booking.created")
        assert standing("booking") is None
        assert ours.post.sent == []
        (page,) = ours.notion.rows("contacts")
        assert (page["Booking Status"], page["Christmas Campaign Status"]) == ("Booked", "Pre-Call Prep")
        assert page["Diagnostic Call Date"] == (MONDAY + timedelta(days=3)).isoformat()
        (row,) = ours.notion.rows("sequences")
        assert [row[f"Email {n} Status"] for n in range(1, 6)] == ["sent", *["cancelled"] * 4]

    def test_cancelled(self, ours: Campaign) -> None:
        """The contact is not booked any more; the mails do not come back."""
        ours.calendly("invitee.created", **invitee())
        ours.clock.advance(minutes=5)
        ours.calendly("invitee.canceled", **invitee(status="canceled"))
        ours.run(days=6)
        contact = ours.contact()
        assert (contact.booking_status, contact.diagnostic_call_at) == ("Not Booked", None)
        assert ours.post.sent == []

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_put_off_in_any_order(self, ours: Campaign, order: tuple[int, ...]) -> None:
        """Booked; then a cancellation and a booking that belong together: always booked, one meeting, never lost."""
        old, new = invitee("1"), invitee("2")
        later = (MONDAY + timedelta(days=4)).isoformat()
        events = [
            ("invitee.created", MONDAY - timedelta(minutes=9), old),
            ("invitee.canceled", MONDAY - timedelta(minutes=1), old | {"rescheduled": True, "new_invitee": new["uri"]}),
            (
                "invitee.created",
                MONDAY - timedelta(minutes=1),
                new | {"old_invitee": old["uri"], "scheduled_event": {"start_time": later}},
            ),
        ]
        for number in order:
            name, at, payload = events[number]
            ours.calendly(name, at, **payload)
        assert bookings() == [("inv-2", "booked")]
        contact = ours.contact()
        assert (contact.booking_status, contact.diagnostic_call_at) == ("Booked", MONDAY + timedelta(days=4))
        assert standing("assessment") == ("exited", "booking.created")

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_follow_up_of_a_lead_goes_on_after_a_cancellation(self, ours: Campaign, order: tuple[int, ...]) -> None:
        """Whichever of the two webhooks comes first."""
        keys, data = ["lead:7", "email:ana@example.com"], {"email": "ana@example.com", "phone": "+525512345678"}
        transact(lambda session: engine.signal(session, "lead.created", keys, data, event_key="lead"))
        events = [("invitee.created", MONDAY - timedelta(minutes=9)), ("invitee.canceled", MONDAY - timedelta(minutes=1))]
        for number in order:
            ours.calendly(*events[number], **invitee())
        assert standing("lead_followup") == ("active", None)
        assert standing("assessment") == ("exited", "booking.created")
        assert bookings() == [("inv-1", "cancelled")]

    def test_meeting_that_is_over_ends_nothing(self, ours: Campaign) -> None:
        """A webhook that comes after the meeting only records it."""
        ours.take("postcall-maybe-handler", postcall())
        past = {"start_time": (MONDAY - timedelta(hours=3)).isoformat()}
        ours.calendly("invitee.created", MONDAY - timedelta(days=2), **invitee(scheduled_event=past))
        assert standing("postcall") == ("active", None)

    def test_assessment_while_booked(self, ours: Campaign) -> None:
        """Who stands in the calendar gets no mails that ask to book."""
        ours.calendly("invitee.created", **invitee())
        ours.clock.advance(hours=1)
        ours.take("assessment-handler", assessment(email_1_sent_at=ours.clock.moment.isoformat()))
        assert ours.outcomes()[-1] == "later-stage"

    def test_assessment_after_the_meeting(self, ours: Campaign) -> None:
        """A booking of the past ends nothing that begins later."""
        ours.calendly("invitee.created", **invitee())
        ours.clock.advance(days=40)
        ours.take("assessment-handler", assessment(email_1_sent_at=ours.clock.moment.isoformat()))
        assert standing("assessment") == ("active", None)

    def test_assessment_while_booked_in_another_calendar(self, ours: Campaign) -> None:
        """Cal.com's meetings count as well."""
        soon = MONDAY + timedelta(days=2)
        meeting = {
            "calendar": "calcom",
            "uid": "c1",
            "current_uid": "c1",
            "status": "booked",
            "start_at": soon,
            "said_at": MONDAY,
        }
        transact(lambda session: session.add(Booking(email="bea@example.com", **meeting)))
        ours.take("assessment-handler", assessment(email="bea@example.com"))
        assert ours.outcomes()[-1] == "later-stage"


class TestNoShow:
    """Somebody did not come."""

    def test_three_mails_with_the_link_to_another_time(self, ours: Campaign) -> None:
        """From Calendly's word; our own form of the same is a duplicate."""
        ours.calendly("invitee.created", **invitee())
        ours.clock.moment = MONDAY + timedelta(days=3, hours=1)
        marked = {"no_show": {"created_at": ours.clock.moment.isoformat()}, "reschedule_url": "https://calendly.example/r/1"}
        ours.calendly("invitee_no_show.created", **invitee() | marked)
        ours.take(HANDLER, noshow())
        assert ours.outcomes()[-2:] == ["applied", "duplicate-sequence"]
        ours.run(days=3)
        assert ours.steps() == ["email_1", "email_2", "email_3"]
        assert ours.contact().booking_status == "No-Show"
        row = ours.notion.rows("sequences")[1]
        assert (row["Sequence Type"], row["Event Type"]) == ("noshow", "Diagnóstico")
        assert row["Calendly Event URI"].endswith("/ev-1")

    def test_our_own_form_for_a_meeting_of_calendlys(self, ours: Campaign) -> None:
        """The meeting does not stand any more, so it ends nothing."""
        ours.calendly("invitee.created", **invitee())
        ours.clock.advance(minutes=1)
        ours.take(HANDLER, noshow())
        assert standing("noshow") == ("active", None)
        assert bookings() == [("inv-1", "no-show")]

    def test_bare_form(self, ours: Campaign) -> None:
        """Only the invitee's address: who it is, the booking has told; before that it waits for the booking."""
        uri = str(invitee()["uri"])
        ours.calendly("invitee_no_show.created", invitee=uri, uri="https://api.calendly.com/invitee_no_shows/9")
        assert standing("noshow") is None
        ours.calendly("invitee.created", MONDAY - timedelta(days=1), **invitee())
        ours.clock.advance(minutes=2)
        ours.world.run()
        assert standing("noshow") == ("active", None)

    def test_bare_form_of_somebody_unknown(self, ours: Campaign) -> None:
        """In the end a person sees it."""
        ours.calendly("invitee_no_show.created", invitee="https://api.calendly.com/scheduled_events/e/invitees/nobody")
        for _ in range(12):
            ours.clock.advance(hours=2)
            ours.world.run()
        with reading() as session:
            assert "not known yet" in str(session.scalars(select(DeadLetter.error_message)).one())

    def test_mark_is_taken_back(self, ours: Campaign) -> None:
        """The mails stop."""
        ours.calendly("invitee_no_show.created", **invitee())
        ours.clock.advance(minutes=1)
        ours.calendly("invitee_no_show.deleted", **invitee())
        ours.run(days=3)
        assert standing("noshow") == ("exited", "noshow.withdrawn")
        assert ours.post.sent == []
        assert ours.contact().booking_status == "Completed"

    def test_booked_again_in_the_meantime(self, ours: Campaign) -> None:
        """The no-show of the old meeting is told late: nobody is asked to book who has booked."""
        ours.calendly("invitee.created", MONDAY, **invitee("2"))
        ours.calendly("invitee_no_show.created", MONDAY - timedelta(hours=1), **invitee("1"))
        assert bookings() == [("inv-2", "booked"), ("inv-1", "no-show")]
        assert standing("noshow") == ("exited", "booking.created")
        assert ours.contact().booking_status == "Booked"

    def test_books_again_after_the_first_mail(self, ours: Campaign) -> None:
        """The rest does not come."""
        ours.calendly("invitee_no_show.created", **invitee("1"))
        ours.run(hours=1)
        ours.calendly("invitee.created", **invitee("2"))
        ours.run(days=3)
        assert ours.steps() == ["email_1"]
