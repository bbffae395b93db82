"""What two transactions at once learn of one person ends as if one had come after the other, in both orders."""

import os
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import contact_edits, people, people_edits
from shared.journeys import engine as journeys
from shared.messages import consent_history
from shared.messages.consent_history import MARKETING, Statement
from shared.people import observing
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.store.consent_models import Consent
from shared.store.journey_models import Enrolment
from shared.store.models import Contact
from shared.store.people_models import Identity as Row
from shared.store.session import reading, transact
from tests.lab.together import together

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="races need PostgreSQL: make test-lab"
    ),
]
LEAD, MAIL, PAYER = Identity("lead", "1"), Identity("email", "ana@example.com"), Identity("stripe", "cus_1")
STRANGER = Identity("lead", "2")
FACTS = {"email": "ana@example.com", "first_name": "Ana", "name": "Ana", "service": "S", "locale": "es"}

type Work = Callable[[Session], object]


def seen(*proven: Identity, typed: tuple[Identity, ...] = ()) -> Seen:
    """What an event shows."""
    return Seen(source="lab", at=clock.now(), proven=proven, typed=typed)


def pay(session: Session) -> None:
    """Somebody pays, and types her address into the checkout."""
    observing.observe(session, seen(PAYER, typed=(MAIL,)))
    journeys.signal(session, "payment.received", ["stripe:cus_1"], {}, event_key="paid")


def ask(session: Session) -> None:
    """A form names the same address."""
    observing.observe(session, seen(LEAD, typed=(MAIL,)))


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("works", [(pay, ask), (ask, pay)])
def test_a_payment_ends_the_journey_of_whoever_becomes_known_meanwhile(
    lab: Engine, test_clock: clock.TestClock, works: tuple[Work, Work], *, is_known: bool
) -> None:
    """Whether the address was known before or is new to both."""

    def before(session: Session) -> None:
        if is_known:
            observing.observe(session, seen(STRANGER, typed=(MAIL,)))
        journeys.enrol(session, "lead_followup", "lead:1", clock.now(), FACTS, "enter")

    transact(before, lab)
    test_clock.advance(hours=1)
    together(lab, *works)
    with reading(lab) as session:
        assert session.scalars(select(Enrolment)).one().state == "exited"


@pytest.mark.parametrize("turned", [True, False])
def test_two_joins_by_hand_end_in_one_person(lab: Engine, *, turned: bool) -> None:
    """Of three people two operators join two each; or both join the same two, each from the other side."""
    names = [Identity("lead", str(number)) for number in (1, 2, 3)]
    first, second, third = (transact(lambda s, one=one: observing.observe(s, seen(one)), lab) or 0 for one in names)  # type: ignore[misc]
    together(
        lab,
        lambda session: people_edits.join(session, first, second, "key:a"),
        lambda session: people_edits.join(session, *((second, first) if turned else (third, second)), "key:b"),
    )
    with reading(lab) as session:
        assert len(set(session.scalars(select(Row.person_id)))) == (2 if turned else 1)


def test_one_word_recorded_twice_at_once_is_one(lab: Engine) -> None:
    """The same report of a vendor on two instances, and another word beside it."""

    def say(word: consent_history.Word) -> Work:
        statement = Statement(
            channels=("email", "sms"), purpose=MARKETING, word=word, source="lab", is_proven=True, said_at=clock.now()
        )
        return lambda session: consent_history.record(session, MAIL, statement)

    together(lab, say("granted"), say("granted"))
    together(lab, say("granted"), say("withdrawn"))
    with reading(lab) as session:
        rows = session.scalars(select(Consent)).all()
        assert len(rows) == 4
        assert {row.word for row in consent_history.current(rows).values()} == {"withdrawn"}


def by_phone(session: Session) -> None:
    """Somebody adds her by her number."""
    contact_edits.keep_by_phone(session, {"phone": "+525512345678"}, "key:ana")


def writes(session: Session) -> None:
    """She writes by WhatsApp, through ManyChat."""
    people.merged_contact(session, "m1", clock.now(), "event", phone="+525512345678", channel="WhatsApp")


@pytest.mark.parametrize("works", [(by_phone, writes), (writes, by_phone), (writes, writes), (by_phone, by_phone)])
def test_who_is_added_by_phone_and_writes_at_once_is_one_contact(lab: Engine, works: tuple[Work, Work]) -> None:
    """Whichever commits first; the second waits for the number, and finds the contact that the first has made."""
    transact(lambda session: people.channel_id(session, "WhatsApp"), lab)
    together(lab, *works)
    with reading(lab) as session:
        assert len(session.scalars(select(Contact)).unique().all()) == 1
