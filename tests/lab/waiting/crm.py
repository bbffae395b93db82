"""The places of shared/crm that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import true

from shared import clock
from shared.crm import (
    assignment_edits,
    campaigns,
    catalogue,
    contact_details,
    contact_profiles,
    editing,
    odoo_before,
    odoo_take,
    opportunities,
    people,
    resync,
    stage_edits,
)
from shared.crm.odoo_sides import Side
from shared.store.contact_models import Address, ContactProfile
from shared.store.models import Campaign, CampaignContact, Channel, Contact, Opportunity, StageMapping
from tests.lab.rows import Wait, filled, one, opportunity, person

LEADS = Side(Opportunity, "crm.lead", "x_manychat_id", {"stage": "stage_id"})


def assignment() -> Sequence[Any]:
    """A contact in a campaign."""
    return [*person(), filled(Campaign, name="Marzo"), filled(CampaignContact, contact_id=1, campaign_id=1)]


WAITS = {
    "shared.crm.contact_details:merge_address": Wait(
        Address,
        lambda: [*person(), filled(Address, contact_id=1)],
        lambda session: contact_details.merge_address(session, session.get_one(Contact, 1), {}, clock.now(), "a"),
    ),
    "shared.crm.contact_profiles:holders": Wait(
        Contact,
        one(Contact, manychat_id="m1", phone="+525512345678"),
        lambda session: contact_profiles.holders(session, "+525512345678"),
    ),
    "shared.crm.contact_profiles:_locked_profile": Wait(
        ContactProfile,
        lambda: [*person(), filled(ContactProfile, contact_id=1, uuid="u1")],
        lambda session: contact_profiles._locked_profile(session, 1),
    ),
    "shared.crm.assignment_edits:_assignment": Wait(
        CampaignContact,
        assignment,
        lambda session: assignment_edits._assignment(session, session.get_one(Contact, 1), 1),
    ),
    "shared.crm.campaigns:locked_assignment": Wait(
        CampaignContact,
        assignment,
        lambda session: campaigns.locked_assignment(
            session, session.get_one(Contact, 1), session.get_one(Campaign, 1), clock.now()
        ),
    ),
    "shared.crm.campaigns:newest_assignment": Wait(
        CampaignContact, assignment, lambda session: campaigns.newest_assignment(session, session.get_one(Contact, 1))
    ),
    "shared.crm.catalogue:_added": Wait(
        Campaign, one(Campaign), lambda session: catalogue._added(session, filled(Campaign), "campaign", "a")
    ),
    "shared.crm.catalogue:change_channel": Wait(
        Channel,
        lambda: [filled(Channel, id=n, name=name, key=catalogue._channel_key(name)) for n, name in ((1, "a"), (2, "b"))],
        lambda session: catalogue.change_channel(session, 1, {"name": "b"}, "a", editing.unguarded),
        held=2,
    ),
    "shared.crm.editing:locked_row": Wait(Contact, person, lambda session: editing.locked_row(session, Contact, 1, "contact")),
    "shared.crm.odoo_before:_note": Wait(
        Opportunity, opportunity, lambda session: odoo_before._note(session, side=LEADS, keys=["m1"], omitted={})
    ),
    "shared.crm.odoo_take:_locked": Wait(Contact, person, lambda session: odoo_take._locked(session, LEADS, "m1")),
    "shared.crm.opportunities:_OPPORTUNITY": Wait(
        Opportunity,
        opportunity,
        lambda session: opportunities.locked_opportunity(session, session.get_one(Contact, 1)),
    ),
    "shared.crm.people:_CONTACT": Wait(Contact, person, lambda session: people.locked_contact(session, "m1")),
    "shared.crm.resync:_next_page": Wait(Opportunity, opportunity, lambda session: resync._next_page(session, 0, true())),
    "shared.crm.stage_edits:change": Wait(
        StageMapping,
        lambda: [
            filled(StageMapping, id=1000 + n, manychat_name=k, manychat_key=k, odoo_stage_id=1000 + n)
            for n, k in ((1, "a"), (2, "b"))
        ],
        lambda session: stage_edits.change(session, 1001, {"manychat_name": "b"}, "a", editing.unguarded),
        held=1002,
    ),
}
