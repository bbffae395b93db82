"""Campaigns, channels and advisors, kept by people: made, changed, and deleted where nothing refers to them.

A change that Odoo sees (an advisor's name or user, a channel's name) asks for the opportunities it concerns, see `resync`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import odoo_sync, people, resync
from shared.crm.contact_edits import known_channel, possible_phone
from shared.crm.editing import Guard, Reference, locked_row, log, refuse_referenced
from shared.crm.list_versions import ADVISORS, CHANNELS, versioned
from shared.errors import FieldError, RefusedError
from shared.store.dialect import insert_if_absent, locked
from shared.store.models import Advisor, Campaign, CampaignContact, Channel, Contact, Opportunity


def create_campaign(session: Session, values: Mapping[str, Any], actor: str) -> Campaign:
    """A new campaign; with a number of its own, or that of `values["id"]`, by which events may name it already.

    Raises:
        RefusedError: 409, the number is taken or there is no such channel; 422, it would end before it begins.
    """
    campaign = Campaign(**values)
    _check_campaign(session, campaign)
    added: Campaign = _added(session, campaign, "campaign", actor)
    odoo_sync.CAMPAIGNS.request(session, added)
    return added


def change_campaign(session: Session, campaign_id: int, values: Mapping[str, Any], actor: str, guard: Guard) -> Campaign:
    """Change a campaign; a new name is brought to Odoo.

    Raises:
        RefusedError: 404, no such campaign; 409, no such channel; 422, it would end before it begins; or what `guard` raises.
    """
    campaign = locked_row(session, Campaign, campaign_id, "campaign")
    guard(campaign)
    changed = _assign(campaign, values)
    _check_campaign(session, campaign)
    if "name" in changed:
        odoo_sync.CAMPAIGNS.request(session, campaign)
    _note_change(session, actor, "campaign", campaign_id, changed)
    return campaign


def delete_campaign(session: Session, campaign_id: int, actor: str, guard: Guard) -> None:
    """Delete a campaign in which nobody is. What Odoo has of it stays there.

    Raises:
        RefusedError: 404, no such campaign; 409 naming who is in it; or what `guard` raises.
    """
    references = [Reference("campaign_contacts", CampaignContact.id, CampaignContact.campaign_id == campaign_id)]
    _delete(session, Campaign, campaign_id, "campaign", references, actor, guard)


def _check_campaign(session: Session, campaign: Campaign) -> None:
    if campaign.date_end is not None and campaign.date_end <= campaign.date_start:
        fault = FieldError("date_end", "must be after date_start")
        raise RefusedError(422, "invalid-fields", "The campaign would end before it begins.", errors=[fault])
    if campaign.channel_id is not None:
        with session.no_autoflush:
            known_channel(session, campaign.channel_id)


@versioned(CHANNELS)
def create_channel(session: Session, values: Mapping[str, Any], actor: str) -> Channel:
    """A new channel.

    Raises:
        RefusedError: 409, there is one of that name, whatever its case.
    """
    key = _channel_key(values["name"])
    if not insert_if_absent(session, Channel, "key", {**values, "key": key}):
        raise _channel_taken(session, key)
    channel = session.scalars(select(Channel).where(Channel.key == key)).one()
    log(session, actor, "channel.create", f"channel:{channel.id}")
    return channel


@versioned(CHANNELS)
def change_channel(session: Session, channel_id: int, values: Mapping[str, Any], actor: str, guard: Guard) -> Channel:
    """Change a channel. With a new name, the opportunities of everybody who came by it are brought up to date in Odoo.

    Raises:
        RefusedError: 404, no such channel; 409, another one has that name; or what `guard` raises.
    """
    channel = locked_row(session, Channel, channel_id, "channel")
    guard(channel)
    if "name" in values and (key := _channel_key(values["name"])) != channel.key:
        if session.scalars(locked(select(Channel.id).where(Channel.key == key), Channel)).first() is not None:
            raise _channel_taken(session, key)
        channel.key = key
    changed = _assign(channel, values)
    if "name" in changed:
        resync.channel(session, channel_id)
    _note_change(session, actor, "channel", channel_id, changed)
    return channel


@versioned(CHANNELS)
def delete_channel(session: Session, channel_id: int, actor: str, guard: Guard) -> None:
    """Delete a channel by which nobody came.

    Raises:
        RefusedError: 404, no such channel; 409 naming who came by it and the campaigns on it; or what `guard` raises.
    """
    references = [
        Reference("contacts", Contact.id, Contact.channel_id == channel_id),
        Reference("campaigns", Campaign.id, Campaign.channel_id == channel_id),
    ]
    _delete(session, Channel, channel_id, "channel", references, actor, guard)


def _channel_key(name: str) -> str:
    return people.channel_key(name)


def _channel_taken(session: Session, key: str) -> RefusedError:
    channel_id = session.scalars(select(Channel.id).where(Channel.key == key)).one()
    return RefusedError(409, "channel-taken", f"Channel {channel_id} has this name already.")


@versioned(ADVISORS)
def create_advisor(session: Session, values: Mapping[str, Any], actor: str) -> Advisor:
    """A new advisor; with a number of their own, or that of `values["id"]`, by which events may name them already.

    The opportunities that name the number already are brought up to date in Odoo.

    Raises:
        RefusedError: 409, the number is taken; 422, an impossible phone number.
    """
    advisor: Advisor = _added(session, Advisor(**_with_phone(values)), "advisor", actor)
    resync.advisor(session, advisor.id)
    return advisor


@versioned(ADVISORS)
def change_advisor(session: Session, advisor_id: int, values: Mapping[str, Any], actor: str, guard: Guard) -> Advisor:
    """Change an advisor. Where Odoo sees it (name, user), the opportunities that name them are brought up to date there.

    Raises:
        RefusedError: 404, no such advisor; 422, an impossible phone number; or what `guard` raises.
    """
    advisor = locked_row(session, Advisor, advisor_id, "advisor")
    guard(advisor)
    changed = _assign(advisor, _with_phone(values))
    if changed & {"name", "odoo_user_id"}:
        resync.advisor(session, advisor_id)
    _note_change(session, actor, "advisor", advisor_id, changed)
    return advisor


@versioned(ADVISORS)
def delete_advisor(session: Session, advisor_id: int, actor: str, guard: Guard) -> None:
    """Delete an advisor to whom nobody was ever assigned; others can be set inactive.

    Raises:
        RefusedError: 404, no such advisor; 409 naming what names them; or what `guard` raises.
    """
    in_campaigns = (CampaignContact.commercial_advisor_id == advisor_id) | (CampaignContact.medical_advisor_id == advisor_id)
    references = [
        Reference("campaign_contacts", CampaignContact.id, in_campaigns),
        Reference("opportunities", Opportunity.id, resync.of_advisor(advisor_id)),
    ]
    _delete(session, Advisor, advisor_id, "advisor", references, actor, guard)


def _with_phone(values: Mapping[str, Any]) -> dict[str, Any]:
    phone = values.get("phone")
    return {**values, "phone": possible_phone(phone)} if phone is not None else dict(values)


def _added[Row: (Campaign, Advisor)](session: Session, row: Row, noun: str, actor: str) -> Row:
    model = type(row)
    if row.id is not None and session.scalars(locked(select(model.id).where(model.id == row.id), model)).first() is not None:
        raise RefusedError(409, "number-taken", f"There is {'an' if noun == 'advisor' else 'a'} {noun} {row.id} already.")
    session.add(row)
    session.flush()
    log(session, actor, f"{noun}.create", f"{noun}:{row.id}")
    return row


def _assign(row: Any, values: Mapping[str, Any]) -> set[str]:
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, values[name])
    return changed


def _note_change(session: Session, actor: str, noun: str, row_id: int, changed: set[str]) -> None:
    if changed:
        log(session, actor, f"{noun}.update", f"{noun}:{row_id}", changed)


def _delete(
    session: Session, model: type[Any], row_id: int, noun: str, references: list[Reference], actor: str, guard: Guard
) -> None:
    row = locked_row(session, model, row_id, noun)
    guard(row)
    refuse_referenced(session, f"The {noun} {row_id}", references)
    session.delete(row)
    log(session, actor, f"{noun}.delete", f"{noun}:{row_id}")
