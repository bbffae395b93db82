"""Whatever becomes of a meeting, in whatever order it is reported: the same booking, the same journeys, the same messages.

In Cal.com as in Calendly: each has a reader of its own into the one chain.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

import functions.bookings.calcom
from functions.bookings import calendly, services
from functions.bookings.payloads import BookingEvent
from functions.bookings.tables import Booking, BookingUid
from functions.leads.tables import Lead
from shared import clock
from shared.errors import RetryableError
from shared.intake.envelope import Envelope
from shared.settings import get_settings
from shared.store.journey_models import Enrolment
from shared.store.models import Base, Delivery
from shared.store.session import reading, transact
from tests.functions.bookings.test_bookings import KOMMO, add_lead
from tests.support import calcom
from tests.support.calcom import ANA
from tests.support.examples import examples
from tests.support.journeys import SETTINGS
from tests.support.world import FakeStorage

pytestmark = pytest.mark.slow

BEGINNING = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 20, 17, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UIDS = ("m", "c", "z", "a", "q", "b")  # in no order of their own
DEEDS = ("put off", "put off if the host agrees", "cancel", "stays away", "came after all", "ends", "book twice")


@dataclass
class Story:
    """What becomes of a meeting, as its calendar tells it word by word, in the order in which it happened."""

    lead_id: int | None
    start: datetime
    at: datetime = BEGINNING
    number: int = 0

    def webhooks_of(self, deed: str, days: int) -> list[dict[str, Any]]:
        """The words about one more thing that happens."""
        if deed != "put off if the host agrees":
            return [self.payload_of(deed, days)]
        self.at += HOUR
        old, self.number = self.uid, self.number + 1
        self.start += days * DAY
        asked = calcom.requested(self.uid, self.start, self.at, old, lead_id=self.lead_id)
        self.at += HOUR
        return [asked, calcom.created(self.at, uid=self.uid, start=self.start)]

    @property
    def uid(self) -> str:
        """The calendar's id of it now."""
        return UIDS[self.number]

    def payload_of(self, deed: str, days: int) -> dict[str, Any]:
        """Something happens, an hour after the last thing."""
        self.at += HOUR
        who = {"lead_id": self.lead_id}
        match deed:
            case "put off":
                old, self.number = self.start, self.number + 1
                self.start += days * DAY
                return calcom.rescheduled(self.uid, UIDS[self.number - 1], self.start, self.at, old, **who)
            case "cancel":
                return calcom.cancelled(self.at, uid=self.uid, start=self.start, **who)
            case "ends":
                return calcom.ended(self.uid, self.start, **who)
            case "stays away" | "came after all":
                return calcom.no_show(self.at, self.uid, away=deed == "stays away")
        return calcom.created(self.at, uid=self.uid, start=self.start, **who)


@dataclass
class CalendlyStory(Story):
    """The same in Calendly, which says that a meeting is put off in two words, and nothing of its end."""

    old: str | None = None

    def webhooks_of(self, deed: str, days: int) -> list[dict[str, Any]]:
        """The words about one more thing that happens."""
        self.at += HOUR
        match deed:
            case "put off" | "put off if the host agrees":
                before = self._invitee()
                self.number, self.old, self.start = self.number + 1, before["uri"], self.start + days * DAY
                moved = before | {"rescheduled": True, "new_invitee": self._invitee()["uri"]}
                return [self._word("invitee.canceled", moved), self._word("invitee.created", self._invitee())]
            case "cancel":
                return [self._word("invitee.canceled", self._invitee())]
            case "stays away":
                marked = {"no_show": {"uri": "https://api.calendly.com/invitee_no_shows/1", "created_at": calcom.iso(self.at)}}
                short = {"invitee": self._invitee()["uri"], "uri": marked["no_show"]["uri"]}
                return [self._word("invitee_no_show.created", short if days % 2 else self._invitee() | marked)]
            case "came after all":
                return [self._word("invitee_no_show.deleted", self._invitee())]
            case "ends":
                return []
        return [self._word("invitee.created", self._invitee())]

    def _word(self, event: str, invitee: dict[str, Any]) -> dict[str, Any]:
        return {"event": event, "created_at": calcom.iso(self.at), "payload": invitee}

    def _invitee(self) -> dict[str, Any]:
        uri = f"https://api.calendly.com/scheduled_events/ev-{self.uid}"
        times = {"start_time": calcom.iso(self.start), "end_time": calcom.iso(self.start + HOUR)}
        person = {"email": ANA, "name": "Ana Díaz", "timezone": "America/Mexico_City", "old_invitee": self.old}
        page = {"reschedule_url": f"https://calendly.com/reschedulings/{self.uid}"}
        return {"uri": f"{uri}/invitees/{self.uid}", "event": uri, "scheduled_event": {"uri": uri} | times} | person | page


@st.composite
def stories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The words about a meeting in one of the calendars, of a lead that its link names or does not."""
    start = BEGINNING + draw(st.integers(3, 40)) * DAY
    story = draw(st.sampled_from([Story(17, start), Story(None, start), CalendlyStory(None, start)]))
    words = story.webhooks_of("book", 0)
    for deed in draw(st.lists(st.sampled_from(DEEDS), max_size=5)):
        words += story.webhooks_of(deed, draw(st.integers(1, 9)))
    return words


@pytest.fixture
def empty(database: Engine, storage: FakeStorage, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
    """Everything set up, nothing known; time stands still, so nothing is sent meanwhile."""
    for name, value in (SETTINGS | KOMMO).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    test_clock.moment = NOW


def start_anew(*, with_lead: bool) -> None:
    """Forget all, and know the lead where there is one."""

    def forget(session):
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())

    transact(forget)
    if with_lead:
        add_lead(17, ANA)


def receive(event_sent: dict[str, Any], number: int) -> bool:
    """One delivery of a word, as the flow handles it; whether it could be: one that names nobody comes again later.

    That an event is taken once is the inbox's part, and left out here.
    """
    request = func.HttpRequest(method="POST", url="/api/calcom", headers={}, body=b"")
    reader, model = (calendly, calendly.CalendlyEvent) if "event" in event_sent else (functions.bookings.calcom, BookingEvent)
    word = model.model_validate(reader.read(request, json.dumps(event_sent).encode()))
    envelope = Envelope(id="1", source="calcom", type="calcom.booking", time=word.occurred_at() or NOW, received=NOW, data=None)
    try:
        transact(lambda session: services.take(session, word, envelope, f"event-{number}"))
    except RetryableError:
        return False
    return True


def receive_all(words: Sequence[dict[str, Any]]) -> None:
    """All words in that order; those that could not be handled once more at the end."""
    again = [(number, event_sent) for number, event_sent in enumerate(words) if not receive(event_sent, number)]
    assert all(receive(event_sent, number) for number, event_sent in again)


def outcome() -> dict[str, Any]:
    """All that is known, who is where, and what is planned. Names of our own and what is over for good are left out."""
    with reading() as session:
        own = {"id", "created_at", "updated_at", "instance"}
        columns = [name for name in Booking.__table__.columns.keys() if name not in own]  # noqa: SIM118  # SQLAlchemy's
        rows = [{name: getattr(row, name) for name in columns} for row in session.scalars(select(Booking))]
        uids = {row.uid: row.facts for row in session.scalars(select(BookingUid))}
        leads = {row.id: row.status for row in session.scalars(select(Lead))}
        still = select(Enrolment).where(Enrolment.state.in_(["active", "suspended"]))
        places = sorted((row.journey, row.person, row.state) for row in session.scalars(still))
        pending = session.scalars(select(Delivery).where(Delivery.state == "pending", Delivery.target == "twilio")).all()
        pending += session.scalars(select(Delivery).where(Delivery.state == "pending", Delivery.action == "email")).all()
        waiting = sorted((_message(row) for row in pending), key=str)
        noted = session.scalars(select(Delivery).where(Delivery.action == "note"))
        notes = sorted((row.subject, row.payload["name"]) for row in noted)
    return {"bookings": rows, "uids": uids, "leads": leads, "places": places, "owed": waiting, "notes": notes}


def _message(row: Delivery) -> tuple[Any, ...]:
    payload: Any = row.payload
    variables = {name: value for name, value in payload["variables"].items() if name != "booking_uid"}
    due = max(row.due_at, NOW)  # what is overdue goes now, however long it is
    return payload["context"]["journey"], payload["context"]["step"], payload["to"], str(due), sorted(variables.items())


def test_a_meeting_merged_in_under_its_own_name_goes_on(empty: None) -> None:
    """Missed, then booked anew: the new id comes first and is a booking of its own until the request says whose it is."""
    story = Story(None, BEGINNING + 7 * DAY)
    booked, missed = story.webhooks_of("book", 0), story.webhooks_of("stays away", 0)
    asked, anew = story.webhooks_of("put off if the host agrees", 7)
    start_anew(with_lead=False)
    receive_all([*booked, *missed, asked, anew])
    expected = outcome()
    start_anew(with_lead=False)
    receive_all([*booked, anew, *missed, asked])
    assert outcome() == expected


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=stories(), data=st.data())
def test_every_order_ends_the_same(empty: None, words: list[dict[str, Any]], data) -> None:
    """Rows, lead, who is in which journey, what is planned for whom and when, and the notes in Kommo."""
    with_lead = data.draw(st.booleans())
    start_anew(with_lead=with_lead)
    receive_all(words)
    expected = outcome()
    order = data.draw(st.permutations(range(len(words))))
    again = data.draw(st.lists(st.sampled_from(range(len(words))), max_size=4))
    start_anew(with_lead=with_lead)
    receive_all([words[which] for which in [*order, *again]])
    assert outcome() == expected


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=stories())
def test_last_word_decides(empty: None, words: list[dict[str, Any]]) -> None:
    """Told in order, a meeting stands unless it was cancelled and not booked since; then the lead's follow-up waits."""
    start_anew(with_lead=True)
    stands, newest = False, None
    for number, event_sent in enumerate(words):
        receive(event_sent, number)
        match event_sent.get("triggerEvent") or event_sent["event"]:
            case "BOOKING_CANCELLED":
                stands = False
            case "BOOKING_CREATED" | "BOOKING_RESCHEDULED":
                stands = True
                newest = event_sent["payload"]["uid"], datetime.fromisoformat(event_sent["payload"]["startTime"])
            case "invitee.canceled" if not event_sent["payload"].get("rescheduled"):
                stands = False
            case "invitee.created":
                stands = True
                starts = event_sent["payload"]["scheduled_event"]["start_time"]
                newest = event_sent["payload"]["uri"], datetime.fromisoformat(starts)
        found = outcome()
        (row,) = [one for one in found["bookings"] if one["status"] != "requested"]
        assert row["uid"].rpartition("/")[2] == UIDS[0]
        assert (row["current_uid"], row["start_at"]) == newest
        assert (row["status"] != "cancelled") == stands
        assert found["leads"] == {17: "booked" if stands else "new"}
        follow_up = [state for journey, _person, state in found["places"] if journey == "lead_followup"]
        assert follow_up == ["suspended" if stands else "active"]
