"""An erasure reaches everything that is proven to be one person's, and names who is only probably the same."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.christmas import people as campaign
from functions.christmas.tables import SequenceContact
from functions.leads.tables import Lead
from shared.crm import people_edits
from shared.people.kinds import Identity
from shared.privacy.__main__ import main
from shared.privacy.erase import erase, look, person
from shared.store.models import Contact
from shared.store.people_models import Identity as Row
from shared.store.session import reading, transact
from tests.unit.people.test_observing import MAIL, NOW, saw

ANA, SECOND = Identity("manychat", "m1"), Identity("manychat", "m2")


def stored() -> dict[str, list[str]]:
    """Who is left in the tables of the flows, and the identities."""
    with reading() as session:
        return {
            "contacts": list(session.scalars(select(Contact.manychat_id).order_by(Contact.id))),
            "leads": [str(number) for number in session.scalars(select(Lead.id).order_by(Lead.id))],
            "campaign": list(session.scalars(select(SequenceContact.email))),
            "identities": sorted(f"{row.kind}:{row.value}" for row in session.scalars(select(Row))),
        }


def lead(number: int, email: str) -> Lead:
    """A lead of that address."""
    facts = {"name": "Ana", "phone_original": "x", "company": "x", "service": "x", "source": "x"}
    return Lead(id=number, email=email, received_at=NOW, said_at=NOW, **facts)


@pytest.fixture
def joined(database: object) -> int:
    """Two contacts, a lead by our link and a campaign's contact, who are one; a lead whose form named her; and a stranger."""
    del database

    def store(session: Session) -> int:
        session.add_all([Contact(manychat_id=number) for number in ("m1", "m2", "m3")])
        session.add_all([lead(17, "a@example.com"), lead(18, "ana@example.com"), lead(19, "c@example.com")])
        return campaign.locked_contact(session, "b@example.com").id

    number = transact(store)
    first = saw(ANA, Identity("lead", "17")) or 0
    saw(ANA, MAIL)
    for other in (SECOND, Identity("campaign", str(number))):
        second = saw(other) or 0
        transact(lambda session, second=second: people_edits.join(session, first, second, "key:ops"))  # type: ignore[misc]
    saw(Identity("lead", "19"), typed=(Identity("email", "c@example.com"),))
    saw(Identity("manychat", "m3"))
    return first


def test_all_that_is_joined_goes(joined: int) -> None:
    """By any of their ids. The address that is proven to be hers leads to the lead of that address, as it always did."""
    del joined
    erase(person("m2"), way="skip", actor="test")
    assert stored() == {
        "contacts": ["m3"],
        "leads": ["19"],
        "campaign": [],
        "identities": ["email:c@example.com", "lead:19", "manychat:m3"],
    }
    assert look(person("m2"), ask_odoo=False).is_nothing


def test_who_is_probably_the_same_is_named_and_stays(joined: int) -> None:
    """A stranger has typed a number of hers: they may be she, and whoever erases is told."""
    del joined
    number = Identity("phone", "+525512345678")
    saw(ANA, typed=(number,))
    saw(Identity("lead", "19"), typed=(number,))
    assert look(person("m1"), ask_odoo=False).probable == ["lead:19"]
    lines: list[str] = []
    assert main(["--manychat-id", "m1", "--odoo", "skip", "--apply"], lines.append) == 0
    assert any("probably the same person, and stay: lead:19" in line for line in lines)
    assert stored()["leads"] == ["19"]
