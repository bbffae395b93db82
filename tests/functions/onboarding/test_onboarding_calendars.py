"""The event of the first day, in Google's calendars and in Microsoft's alike: there once, moved, taken back, made anew."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.vendor import Vendor
from shared import faults as injected
from shared.faults import InjectedFault
from tests.functions.onboarding.conftest import BEA, Company, Faults, contract
from tests.support.sandbox import HOST

MANAGER = "luis@empresa.example"
NINE_ON_THE_FIRST_DAY = datetime(2027, 1, 11, 15, tzinfo=UTC)  # in Mexico City


pytestmark = pytest.mark.share(1)  # of Google and Microsoft every run takes one, another one for each test


class Calendar:
    """The manager's calendar at one of the vendors."""

    def __init__(self, company: Company, name: str) -> None:
        self.company, self.name = company, name
        self.vendor: Vendor = company.google if name == "google" else company.microsoft

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event that is on."""
        rows = (
            self.company.google.shelf.rows("events") if self.name == "google" else self.company.microsoft.shelf.rows("events")
        )
        return [row for row in rows if row.get("status") != "cancelled"]

    @property
    def event(self) -> dict[str, Any]:
        """The only one that is on."""
        (found,) = self.events
        return found

    @property
    def start(self) -> datetime:
        """When it begins."""
        moment = datetime.fromisoformat(self.event["start"]["dateTime"].partition(".")[0])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    @property
    def guests(self) -> list[str]:
        """Who is invited."""
        return sorted(one.get("email") or one["emailAddress"]["address"] for one in self.event["attendees"])


@pytest.fixture(params=["google", "outlook"])
def calendar(request: pytest.FixtureRequest, company: Company) -> Calendar:
    """The company has its calendars at Google, or at Microsoft; its accounts are where they always are."""
    connection = company.microsoft.connection
    given = {name: HOST + value if value.startswith("/") else value for name, value in connection.items()}
    company.set_up(**given, ONBOARDING_IDENTITY_PROVIDER="okta", ONBOARDING_CALENDAR_IN=request.param)
    return Calendar(company, request.param)


def test_both_are_invited_to_the_first_day(company: Company, calendar: Calendar) -> None:
    """From nine on the clock of the settings, with the reminders of the replaced flow as far as the calendar has them."""
    company.sign()
    assert company.states()["calendar"] == "done"
    assert (calendar.start, calendar.guests) == (NINE_ON_THE_FIRST_DAY, [BEA, MANAGER])
    if calendar.name == "google":
        assert [one["minutes"] for one in calendar.event["reminders"]["overrides"]] == [1440, 30]
        assert calendar.event["told"] == ["all"]
    else:
        assert (calendar.event["isReminderOn"], calendar.event["reminderMinutesBeforeStart"]) == (True, 1440)
        assert calendar.event["invited"] == [[BEA, MANAGER]]


def test_a_new_first_day_moves_the_event(company: Company, calendar: Calendar) -> None:
    """The same event; a cancelled contract deletes it."""
    company.sign()
    first = calendar.event["id"]
    company.sign(200, start_date="2027-02-01")
    assert (calendar.event["id"], calendar.start.date().isoformat()) == (first, "2027-02-01")
    company.cancel()
    assert (calendar.events, company.states()["calendar"]) == ([], "undone")


def test_a_deleted_event_is_made_anew(company: Company, calendar: Calendar) -> None:
    """However often somebody deletes it, the next change brings another one; a cancellation deletes that."""
    company.sign()
    for day in ("2027-02-01", "2027-02-08"):
        calendar.vendor.act("delete_event", {"id": calendar.event["id"]})
        company.sign(200, start_date=day)
        assert calendar.start.date().isoformat() == day
    company.cancel()
    assert calendar.events == []


@pytest.mark.share(3)
@pytest.mark.parametrize("what", ["POST events", "PATCH events", "DELETE events"])
@pytest.mark.share(1)
def test_a_lost_answer_makes_no_second_event(company: Company, calendar: Calendar, faults: Faults, what: str) -> None:
    """Whichever is lost: of the event, of its new day, of its end."""
    vendor = "google" if calendar.name == "google" else "microsoft"
    ended = "DELETE events" if calendar.name == "google" else "POST events cancel"
    faults.waiting.append((f"{vendor} {ended if what == 'DELETE events' else what}", "accept_then_drop"))
    company.sign()
    company.wait(minutes=20)
    company.sign(200, start_date="2027-02-01")
    company.wait(minutes=20)
    assert calendar.start.date().isoformat() == "2027-02-01"
    company.cancel()
    company.wait(minutes=20)
    assert (calendar.events, company.states()["calendar"], faults.waiting) == ([], "undone", [])


def test_an_event_made_anew_that_we_do_not_know_of_is_deleted_too(company: Company, calendar: Calendar) -> None:
    """The worker dies with the answer in its hand, and the contract is cancelled before anybody looks again."""
    company.sign()
    calendar.vendor.act("delete_event", {"id": calendar.event["id"]})
    company.report(contract(start_date="2027-02-01"))
    injected.inject("outbox.after_call=raise:1")
    company.world.run(swallow=(InjectedFault,))
    injected.inject("")
    assert calendar.start.date().isoformat() == "2027-02-01"
    company.cancel()
    company.wait(minutes=20)
    assert (calendar.events, company.states()["calendar"]) == ([], "undone")


def test_an_event_stays_where_it_was_made(company: Company, calendar: Calendar) -> None:
    """Another setting counts for new events: this one is moved and deleted in the calendar that it is in."""
    company.sign()
    company.set_up(ONBOARDING_CALENDAR_IN="outlook" if calendar.name == "google" else "google")
    company.sign(200, start_date="2027-02-01")
    assert calendar.start.date().isoformat() == "2027-02-01"
    company.cancel()
    assert calendar.events == []
