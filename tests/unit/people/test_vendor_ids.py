"""Ids that Kommo and Odoo have issued lead to the person; what was found by a typed address only proposes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from functions.leads import persons
from functions.leads.tables import Lead
from shared.crm import odoo_follows, people
from shared.people import aliases
from shared.people.kinds import Identity
from shared.store.models import Contact, Opportunity
from shared.store.session import reading, transact

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def names(name: str) -> aliases.Aliases:
    """Whose name it is."""
    with reading() as session:
        return aliases.of(session, [name])


def lead(number: int, **more: Any) -> None:
    """A lead of the form, as it is after a sync to Kommo."""
    facts: dict[str, Any] = {"name": "Ana", "email": "ana@example.com", "company": "A", "service": "web", "source": "x"}
    facts |= {"phone_original": "", "received_at": NOW, "said_at": NOW}

    def work(session: Any) -> None:
        session.add(Lead(id=number, **{**facts, **more}))
        session.flush()
        persons.known_in_kommo(session, f"lead:{number}")

    transact(work)


def own(name: str) -> set[str]:
    """Everything that is certainly theirs."""
    return {str(one) for one in names(name).own}


@pytest.mark.usefixtures("database")
class TestKommo:
    """Its lead is proven, its contact is not."""

    def test_lead_is_found_by_kommos_id_and_a_new_id_leads_there_too(self) -> None:
        """After a merge in Kommo the lead has another id; the old one still leads to the person."""
        lead(17, kommo_lead_id=501, kommo_contact_id=9)
        assert own("kommo_lead:501") == {"lead:17", "kommo_lead:501"}

        def merged(session: Any) -> None:
            session.get_one(Lead, 17).kommo_lead_id = 502
            session.flush()
            persons.known_in_kommo(session, "lead:17")
            persons.known_in_kommo(session, "lead:17")

        transact(merged)
        assert own("kommo_lead:501") == own("kommo_lead:502") == {"lead:17", "kommo_lead:501", "kommo_lead:502"}

    def test_contact_of_kommos_that_two_leads_share_joins_nobody(self) -> None:
        """It was looked for by what was typed, so the two are probably one, and no more."""
        lead(17, kommo_lead_id=501, kommo_contact_id=9)
        lead(18, kommo_lead_id=502, kommo_contact_id=9, email="bea@example.com")
        assert own("lead:17") == {"lead:17", "kommo_lead:501"}
        assert Identity("lead", "18") in names("lead:17").probable

    def test_lead_of_kommos_that_is_another_ones_joins_nobody(self) -> None:
        """Kommo's control of duplicates answered with the lead that it has for somebody else of ours."""
        lead(17, kommo_lead_id=501)
        lead(18, kommo_lead_id=501, email="bea@example.com")
        assert (own("lead:17"), own("lead:18")) == ({"lead:17", "kommo_lead:501"}, {"lead:18"})


@pytest.mark.usefixtures("database")
class TestOdoo:
    """Its records carry ManyChat's id, so both are proven."""

    def test_partner_and_lead_lead_to_the_contact_by_old_and_new_ids(self) -> None:
        """A lead that was made anew, or merged into another, is followed; doing it again adds nothing."""

        def work(session: Any) -> None:
            session.add(Contact(id=1, manychat_id="m1", odoo_id=70))
            session.flush()
            session.add(Opportunity(contact_id=1, manychat_id="m1", odoo_id=80))
            session.flush()
            people.observe(session, session.get_one(Contact, 1), NOW)
            odoo_follows.of_partner(session, "m1")
            odoo_follows.of_lead(session, "m1")

        def again(session: Any) -> None:
            session.scalars(select(Opportunity)).one().odoo_id = 81
            session.flush()
            odoo_follows.of_lead(session, "m1")
            odoo_follows.of_lead(session, "m1")

        transact(work)
        assert own("odoo_lead:80") == own("odoo_partner:70") == {"manychat:m1", "odoo_partner:70", "odoo_lead:80"}
        transact(again)
        assert own("odoo_lead:80") == own("odoo_lead:81") == own("m1")
        assert "odoo_lead:81" in own("m1")
