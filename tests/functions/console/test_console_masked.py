"""Addresses and numbers stand on no page of those who may not see them, wherever in the record they are."""

import pytest
from sqlalchemy.orm import Session

from shared.console.masking import DOTS, masked_name
from shared.store.approval_models import Approval
from shared.store.journey_models import Enrolment
from shared.store.message_models import ReceivedMessage
from shared.store.models import ActionLog, DeadLetter, Delivery, InboxEvent, Target
from shared.store.plan_models import PlanPart
from shared.store.session import reading, transact
from shared.store.wait_models import Outage
from tests.functions.console.addresses import pages
from tests.functions.console.browser import Browser
from tests.functions.console.filling import PHONE, fill, fill_rest

MAIL = "ana.robles@example.com"
REFUSAL = f"{PHONE} and {MAIL} are refused"


@pytest.fixture
def named_by_number(console: None) -> None:
    """Every row about somebody calls them by their number, as those of WhatsApp do, or by their address; errors name both."""
    fill()
    fill_rest()

    def work(session: Session) -> None:
        for model in (InboxEvent, DeadLetter, Delivery, ActionLog, PlanPart):
            session.query(model).update({"subject": PHONE})
        session.query(Enrolment).update({"person": f"email:{MAIL}"})
        session.query(Approval).update({"subject": f"person:{PHONE}"})
        session.query(DeadLetter).update({"error_message": REFUSAL})
        session.query(Delivery).update({"last_error": REFUSAL})
        session.query(ActionLog).update({"detail": REFUSAL})
        session.query(Target).update({"last_error": REFUSAL})
        session.query(Outage).update({"error": REFUSAL})
        session.query(PlanPart).update({"detail": REFUSAL})
        session.query(ReceivedMessage).update({"text": REFUSAL, "sender_name": PHONE})

    transact(work)


def test_no_page_of_a_viewer_shows_an_address_or_a_number(named_by_number: None) -> None:
    """Nor does a link of it, which would stand in histories and logs."""
    viewer = Browser().signed_in("vera-key")
    seen = {address: viewer.get(address).text for addresses in pages().values() for address in addresses}
    leaks = {address: [each for each in (PHONE, PHONE[1:], MAIL) if each in text] for address, text in seen.items()}
    assert {address: found for address, found in leaks.items() if found} == {}


@pytest.mark.parametrize("of", ["execution", "delivery", "letter"])
def test_person_is_opened_without_their_number_in_an_address(named_by_number: None, of: str) -> None:
    """From whatever is about them; what there is no longer leads to the search."""
    viewer = Browser().signed_in("vera-key")
    assert viewer.get(f"/console/people/of?{of}=1").address == "/console/people/1"
    assert viewer.get(f"/console/people/of?{of}=999").address == "/console/people"


def test_events_about_the_same_are_listed_without_their_number(named_by_number: None) -> None:
    """By an event of theirs."""
    viewer = Browser().signed_in("vera-key")
    (link,) = [one for one in viewer.get("/console/executions/1").links() if "about=" in one]
    assert "2 executions" in viewer.get(link).words
    transact(lambda session: session.query(InboxEvent).filter_by(id=2).update({"subject": "manychat:1"}))
    assert "1 execution" in viewer.get(link).words


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("manychat:1234567890", "manychat:1234567890"),
        ("1234567890", "1234567890"),
        ("lead:5171240512336125", "lead:5171240512336125"),
        ("booking:2026-03-01/55512345678", "booking:2026-03-01/55512345678"),
        ("+525512340147", f"{DOTS} 0147"),
        ("phone:+525512340147", f"phone:{DOTS} 0147"),
        ("email:ana@example.com", f"email:a{DOTS}@example.com"),
        ("ana@example.com", f"a{DOTS}@example.com"),
    ],
)
def test_name_of_ours_is_shown_and_an_address_in_it_is_not(name: str, shown: str) -> None:
    """Ids are numbers as well, and no personal data."""
    assert masked_name(name) == shown


def test_fixture_is_what_it_says(named_by_number: None) -> None:
    with reading() as session:
        assert {row.subject for row in session.query(InboxEvent)} == {PHONE}
