"""A machine on the way opens every link of a mail within seconds: nobody is told that a person did."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import clock
from shared.messages import statuses
from shared.messages.events import ProviderEvent
from shared.messages.looks import CLICKED, OPENED, by_a_person
from shared.store.message_models import MessageStatus
from shared.store.session import reading, transact
from tests.support.messages import enqueue, message

NOON = datetime(2026, 3, 2, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("channel", "events", "opened", "clicked"),
    [
        ("email", [("delivered", 0), ("opened", 60)], 60, None),
        ("email", [("delivered", 0), ("clicked", 60)], 60, 60),
        ("email", [("clicked", 8), ("opened", 7), ("delivered", 0)], None, None),
        ("email", [("sent", 0), ("opened", 2), ("opened", 70)], 70, None),
        ("email", [("opened", -8), ("opened", 20)], 20, None),  # neither is reported: since it was sent
        ("email", [], None, None),
        ("whatsapp", [("delivered", 0), ("opened", 2)], 2, None),  # the person alone says so
    ],
)
def test_first_look_of_a_person(
    channel: str, events: list[tuple[str, float]], opened: float | None, clicked: float | None
) -> None:
    """The first event that did not come within seconds of the delivery; who clicks has opened."""
    history = [{"status": name, "at": (NOON + timedelta(seconds=seconds)).isoformat()} for name, seconds in events]
    expected = [None if one is None else NOON + timedelta(seconds=one) for one in (opened, clicked)]
    found = [by_a_person(history, words, channel, NOON - timedelta(seconds=10)) for words in (OPENED, CLICKED)]
    assert found == expected


def news(seconds: float, status: str, provider: str = "brevo") -> None:
    """The provider reports something of the first message, so long after it was sent."""
    event = ProviderEvent(provider=provider, vendor_id="V1", status=status, at=clock.now() + timedelta(seconds=seconds))
    transact(lambda session: statuses.status(session, event))


@pytest.fixture(autouse=True)
def _noon(world, test_clock) -> None:
    """A Monday at noon in Mexico."""
    test_clock.moment = test_clock.moment.replace(hour=18)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_listeners_are_notified_of_people_alone(post, order: tuple[int, ...]) -> None:
    """In whichever order the events come; journeys and comparisons would take a machine for interest. All of it is kept."""
    enqueue(message("email"))
    machine = {1: (2, "delivered"), 2: (9, "opened"), 3: (9.5, "clicked")}
    for number in order:
        news(*machine[number])
    assert post.words() == ["sent", "delivered"]
    news(3600, "opened")
    news(3601, "opened")
    assert post.words() == ["sent", "delivered", "opened"]
    news(3700, "clicked")
    news(3800, "opened")
    assert post.words() == ["sent", "delivered", "opened", "clicked"]
    with reading() as session:
        row = session.query(MessageStatus).one()
        assert (row.status, len(row.history)) == ("clicked", 7)


def test_way_out_that_a_provider_reports_counts_at_once(post) -> None:
    """A mail program's one-click unsubscription, and a complaint, are a person's will, however soon they come."""
    enqueue(message("email"))
    for status in ("delivered", "opened", "unsubscribed"):
        news(3, status)
    assert post.words() == ["sent", "delivered", "unsubscribed"]


def test_reading_in_whatsapp_counts_at_once(post) -> None:
    """No machine is on that way."""
    enqueue(message("whatsapp"))
    news(1, "delivered", "twilio")
    news(2, "opened", "twilio")
    assert post.words() == ["sent", "delivered", "opened"]
