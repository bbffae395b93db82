"""What messages to us and the campaign tell of people."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.christmas import people as campaign
from functions.christmas.tables import SequenceContact
from functions.messages import apply_reply
from shared.messages.digests import digest_of_address
from shared.messages.events import InboundMessage
from shared.people import backfill, queries
from shared.people.kinds import Identity
from shared.store.message_models import ReceivedMessage
from shared.store.people_models import Identity as Row
from shared.store.session import reading, transact

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NUMBER = "+525512345678"


def write(sender: str | None, vendor_id: str = "SM1") -> None:
    """Somebody writes to us from that number."""
    payload = InboundMessage(vendor_id=vendor_id, who=digest_of_address(NUMBER), channel="sms", sender=sender, text="Hola")
    event = SimpleNamespace(payload=payload, envelope=SimpleNamespace(time=NOW), key="k")
    transact(lambda session: apply_reply(session, event))  # type: ignore[arg-type]


@pytest.mark.usefixtures("database")
class TestOtherFlows:
    """Inbound messages and campaign contacts."""

    def test_the_number_that_a_message_came_from_is_a_person(self) -> None:
        """Somebody of whom nothing but a number is known exists, whichever way the number is written."""
        write(NUMBER)
        write("+5215512345678", "SM2")
        with reading() as session:
            (row,) = session.scalars(select(Row)).all()
            assert row.is_proven
            assert queries.of(session, Identity("phone", row.value)) == [row.person_id]

    @pytest.mark.parametrize("sender", [None, "24365"])
    def test_a_sender_that_is_no_number_is_nobody(self, sender: str | None) -> None:
        """A short code, or an event that names nobody."""
        write(sender)
        with reading() as session:
            assert session.scalars(select(Row)).all() == []

    def test_the_campaigns_contact_only_proposes_its_address(self) -> None:
        """A form named the address; the contact is a person by its own number."""

        def work(session: Session) -> None:
            campaign.observe(session, campaign.locked_contact(session, "ana@example.com"))

        transact(work)
        with reading() as session:
            found = {row.kind: row.is_proven for row in session.scalars(select(Row))}
        assert found == {"campaign": True, "email": False}

    def test_what_is_stored_is_taken_in(self) -> None:
        """Messages and contacts of before, with `python -m shared.people`."""

        def store(session: Session) -> None:
            session.add(SequenceContact(email="ana@example.com", who="x"))
            values = {"channel": "sms", "sender": NUMBER, "text": "Hola", "media": [], "state": "unread", "received_at": NOW}
            session.add(ReceivedMessage(provider="twilio", vendor_id="SM1", **values))

        transact(store)
        names = {source.name: list(backfill.run(source)) for source in backfill.sources()}
        assert {name for name, seen in names.items() if seen} == {"campaign", "inbound messages"}
        assert {"contacts", "leads", "bookings"} <= names.keys()
        with reading() as session:
            proven = session.scalars(select(Row.kind).where(Row.is_proven).order_by(Row.kind)).all()
        assert proven == ["campaign", "phone"]
