"""Create, change and delete contacts by hand: facts dated now, checked more strictly than those of events."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.crm import contact_profiles, facts, odoo_sync, people
from shared.crm.editing import Guard, Reference, locked_row, log, operator_key, operator_time, refuse_referenced, unguarded
from shared.errors import FieldError, RefusedError
from shared.outbox import plan
from shared.outbox.actions import State
from shared.settings import get_settings
from shared.store.dialect import insert_if_absent
from shared.store.models import CampaignContact, Channel, Contact, Delivery, Opportunity

MOST_NAMED = 20


def create(session: Session, manychat_id: str, values: Mapping[str, Any], actor: str) -> Contact:
    """A new contact; `values` may hold fields of its profile (`contact_profiles.FIELDS`) as well.

    Raises:
        RefusedError: 409, somebody has that ManyChat id, or there is no such channel; 422, an impossible phone number.
    """
    if not insert_if_absent(session, Contact, "manychat_id", {"manychat_id": manychat_id}):
        raise _taken(session, manychat_id)
    contact = session.scalars(select(Contact).where(Contact.manychat_id == manychat_id)).one()
    given = {name: value for name, value in values.items() if value is not None}
    changed = _say(session, contact, _facts(given)) | contact_profiles.apply(session, contact, given)
    odoo_sync.ask(session, contact, None)
    log(session, actor, "contact.create", manychat_id, changed)
    return contact


def keep_by_phone(session: Session, values: Mapping[str, Any], actor: str) -> tuple[Contact, bool]:
    """The contact who has the number `values["phone"]`, with these facts, and whether they are new.

    Whoever nobody knows is made without a ManyChat id. Two callers at once make one contact.

    Raises:
        RefusedError: 409 that names them, several contacts have the number, or there is no such channel; 422, it is no number.
    """
    number = possible_phone(values["phone"])
    holders = contact_profiles.holders(session, number)
    if len(holders) > 1:
        named = [FieldError("phone", f"contact {row.id}") for row in holders[:MOST_NAMED]]
        title = "Several contacts have this number; name one by its id."
        raise RefusedError(409, "several-contacts", title, detail=f"{len(holders)} contacts.", errors=named)
    if holders:
        given = {name: value for name, value in values.items() if value is not None and name != "phone"}
        return change(session, holders[0].id, given, actor, unguarded), False
    return create(session, contact_profiles.without_manychat(number), values, actor), True


def change(
    session: Session, contact_id: int, values: Mapping[str, Any], actor: str, guard: Guard, manychat_id: str | None = None
) -> Contact:
    """Set facts of a contact, dated now, None clearing one; and request a sync to Odoo where it is concerned.

    Raises:
        RefusedError: 404, no such contact; 409, another ManyChat id or no such channel; 422, an impossible phone number;
            or what `guard` raises.
    """
    contact = locked_row(session, Contact, contact_id, "contact")
    guard(contact)
    if manychat_id is not None and manychat_id != contact.manychat_id:
        title = "The ManyChat id of a contact cannot be changed; it is what events and Odoo know them by."
        raise RefusedError(409, "manychat-id-fixed", title)
    changed = _say(session, contact, _facts(values))
    of_profile = contact_profiles.apply(session, contact, values)
    if changed:
        opportunity = session.scalars(select(Opportunity).where(Opportunity.contact_id == contact.id)).one_or_none()
        odoo_sync.ask(session, contact, opportunity)
    if changed | of_profile:
        log(session, actor, "contact.update", contact.manychat_id, changed | of_profile)
    return contact


def delete(session: Session, contact_id: int, actor: str, guard: Guard) -> None:
    """Delete a contact that nothing refers to, and take back what was still to be sent to Odoo about them.

    A partner that Odoo has of them stays there. An event about them that comes later makes them anew.

    Raises:
        RefusedError: 404, no such contact; 409 naming what refers to it; or what `guard` raises.
    """
    contact = locked_row(session, Contact, contact_id, "contact")
    guard(contact)
    references = [
        Reference("opportunities", Opportunity.id, Opportunity.contact_id == contact.id),
        Reference("campaign_contacts", CampaignContact.id, CampaignContact.contact_id == contact.id),
    ]
    refuse_referenced(session, f"Contact {contact_id}", references)
    waiting = select(Delivery.id).where(
        Delivery.subject == contact.manychat_id,
        Delivery.target == odoo_sync.TARGET,
        Delivery.action == odoo_sync.CONTACT.name,
        Delivery.state == State.PENDING,
    )
    for delivery_id in session.scalars(waiting).all():
        plan.cancel(session, delivery_id, "contact-deleted")
    contact_profiles.forget(session, contact.id)
    session.delete(contact)
    log(session, actor, "contact.delete", contact.manychat_id)


def _facts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in contact_profiles.FIELDS}


def _say(session: Session, contact: Contact, values: Mapping[str, Any]) -> set[str]:
    """Merge the facts. Clearing an empty fact is ignored, so an event that is still on its way may fill it."""
    values = {name: value for name, value in values.items() if value is not None or getattr(contact, name) is not None}
    words = {name: facts.CLEARED if value is None else value for name, value in values.items()}
    if "phone" in values:
        words["phone_original"] = words["phone"]
        words["phone"] = facts.CLEARED if values["phone"] is None else possible_phone(values["phone"])
    if values.get("channel_id") is not None:
        known_channel(session, values["channel_id"])
    changed = facts.merge(contact, words, operator_time(contact), operator_key())
    session.flush()
    session.refresh(contact, ["channel"])
    if changed & people.IDENTIFYING:
        people.observe(session, contact, operator_time(contact))
    return changed


def possible_phone(text: str) -> str:
    """`text` in E.164.

    Raises:
        RefusedError: 422, it is no possible number.
    """
    number = people.e164(text, get_settings().default_phone_region)
    if number is None:
        why = f"is no possible phone number, neither with its country code nor in {get_settings().default_phone_region}"
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=[FieldError("phone", why)])
    return number


def known_channel(session: Session, channel_id: int) -> None:
    """Make sure that the channel is there.

    Raises:
        RefusedError: 409 `unknown-channel`, naming it.
    """
    if session.get(Channel, channel_id) is None:
        raise RefusedError(409, "unknown-channel", f"There is no channel {channel_id}.")


def _taken(session: Session, manychat_id: str) -> RefusedError:
    row_id = session.scalars(select(Contact.id).where(Contact.manychat_id == manychat_id)).one()
    return RefusedError(409, "manychat-id-taken", f"Contact {row_id} has this ManyChat id already.")


__all__ = ["change", "create", "delete", "keep_by_phone", "known_channel", "possible_phone"]
