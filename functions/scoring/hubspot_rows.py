"""Writes scored leads to HubSpot by the hundred: each finds its contact, or makes it, and moves it on in the life cycle.

A lead's contact is the one that it had, else the one with its e-mail address, else (without an address) the one with its
number. Leads that are one contact there are written once, of each fact the newest report.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from functions.hubspot import batches
from functions.hubspot.batches import Budget, Change, Found, Result, Way, Written
from functions.hubspot.client import LARGEST_BATCH, ConflictError
from functions.hubspot.settings import Fact, HubSpotSettings
from functions.scoring.tables import ScoredLead
from shared.errors import PuenteError
from shared.outbox.actions import Done, Outcome
from shared.readers import phone
from shared.settings import settings_of
from shared.store.session import reading

STAGE, FURTHER_EMAILS = "lifecyclestage", "hs_additional_emails"
READ = (STAGE, FURTHER_EMAILS)


@dataclass
class Contact:
    """The leads that are one contact in HubSpot, the newest first, and what is known of it there."""

    leads: list[ScoredLead]
    found: Found | None = None
    known_id: str | None = None
    result: Result | None = field(default=None)

    def take(self, leads: Iterable[ScoredLead]) -> None:
        """These leads are the same contact's."""
        self.leads = sorted([*self.leads, *leads], key=lambda lead: (lead.reported_at, lead.report), reverse=True)

    @property
    def trace(self) -> str:
        """By what a batch names it."""
        return str(self.leads[0].id)

    def fact(self, name: Fact) -> str | None:
        """The newest report's value, as text."""
        values = (getattr(lead, name) for lead in self.leads)
        return next((str(value) for value in values if value not in (None, "")), None)


def bring_up_to_date(keys: Sequence[int]) -> Mapping[int, Outcome]:
    """Bring the contacts of these leads up to date; the outcome of each lead.

    Twice is once: whatever is there is found before anything is made, and only one batch is under way at a time.
    """
    with reading() as session:
        leads = session.scalars(select(ScoredLead).where(ScoredLead.id.in_(keys))).all()
        contacts = grouped(leads)
        for one in contacts:
            one.known_id = one.known_id or _known_elsewhere(session, one)
    try:
        _written(contacts, Budget())
    except PuenteError as error:
        for one in contacts:
            one.result = one.result or error
    return {lead.id: _outcome(one.result) for one in contacts for lead in one.leads if one.result is not None}


def _outcome(result: Result) -> Outcome:
    return Done({"hubspot_contact_id": result.contact_id}) if isinstance(result, Written) else result


def grouped(leads: Iterable[ScoredLead]) -> list[Contact]:
    """One contact for all leads with one e-mail address, or (without an address) with one number; in the order of their ids."""
    found: dict[str, Contact] = {}
    for lead in leads:
        found.setdefault(lead.email or f"tel:{lead.phone}", Contact([])).take([lead])
    contacts: dict[str, Contact] = {}
    for key, one in found.items():
        one.known_id = next((lead.hubspot_contact_id for lead in one.leads if lead.hubspot_contact_id), None)
        if one.known_id and one.known_id in contacts:
            contacts[one.known_id].take(one.leads)
        else:
            contacts[one.known_id or key] = one
    return sorted(contacts.values(), key=lambda one: one.leads[0].id)


def _known_elsewhere(session: Any, one: Contact) -> str | None:
    """The contact of another lead of ours with the same number: HubSpot's search may not find yet what we have just made."""
    if one.fact("email") or not one.fact("phone"):
        return None
    query = select(ScoredLead.hubspot_contact_id).where(
        ScoredLead.phone == one.fact("phone"), ScoredLead.hubspot_contact_id.is_not(None)
    )
    found: str | None = session.scalars(query.order_by(ScoredLead.id).limit(1)).one_or_none()
    return found


def _written(contacts: Sequence[Contact], budget: Budget) -> None:
    """Find each contact, then write those that are there, and make the others. Raises PuenteError: nobody was found."""
    _find(contacts, budget)
    there: dict[str, Contact] = {}
    for one in contacts:
        if one.found is not None and (same := there.setdefault(one.found.contact_id, one)) is not one:
            same.take(one.leads)  # a number and an address that turn out to be one contact's
    _write(Way.UPDATE, list(there.values()), budget)
    new = [one for one in contacts if one.found is None]
    _write(Way.UPSERT, [one for one in new if one.fact("email")], budget)
    _write(Way.CREATE, [one for one in new if not one.fact("email")], budget)


def _find(contacts: Sequence[Contact], budget: Budget) -> None:
    by_id = batches.read_by_ids({one.known_id for one in contacts if one.known_id}, READ, budget)
    for one in contacts:
        one.found = by_id.get(one.known_id or "")
    left = {one.fact("email"): one for one in contacts if one.found is None}
    by_email = batches.read_by_emails({email for email in left if email}, READ, budget)
    for email, found in by_email.items():
        if email in left:
            left[email].found = found
    _find_by_phones([one for one in contacts if one.found is None and not one.fact("email")], budget)


def _find_by_phones(contacts: Sequence[Contact], budget: Budget) -> None:
    spelled = {text: one for one in contacts for text in phone.spellings(one.fact("phone") or "")}
    texts = sorted(spelled)
    for start in range(0, len(texts), LARGEST_BATCH):
        found = batches.find_by_phones(texts[start : start + LARGEST_BATCH], READ, budget)
        for text, contact in found.items():
            if text in spelled:
                spelled[text].found = contact


def _write(way: Way, contacts: Sequence[Contact], budget: Budget) -> None:
    changes = {one.trace: _change(way, one) for one in contacts}
    for trace, result in batches.write(way, changes, budget).items():
        one = next(one for one in contacts if one.trace == trace)
        one.result = _settled(one, result, budget)


def _settled(one: Contact, result: Result, budget: Budget) -> Result:
    """The result; where another contact has the address, that one is written, and keeps its own first address."""
    if not isinstance(result, ConflictError) or not result.contact_id:
        return result
    one.found = batches.read_by_ids({result.contact_id}, READ, budget).get(result.contact_id)
    if one.found is None:
        return result
    properties = {name: value for name, value in properties_of(one, one.found).items() if name != batches.EMAIL}
    change = Change(key=one.found.contact_id, properties=properties)
    return batches.write(Way.UPDATE, {one.trace: change}, budget)[one.trace]


def _change(way: Way, one: Contact) -> Change:
    found = one.found or Found("")
    key = {Way.UPDATE: found.contact_id, Way.UPSERT: one.fact("email") or "", Way.CREATE: ""}[way]
    properties = properties_of(one, found)
    if way is Way.UPSERT:
        properties.pop(batches.EMAIL, None)
    return Change(key=key, properties=properties)


def properties_of(one: Contact, found: Found) -> dict[str, str]:
    """What the contact is to have. What no report says is left as it is there; a further address does not become the first."""
    settings = settings_of(HubSpotSettings)
    facts = {name: one.fact(fact) for fact, name in settings.lead_properties.items()}
    properties = {name: value for name, value in facts.items() if value is not None}
    if one.fact("email") in found.properties.get(FURTHER_EMAILS, "").split(";"):
        properties.pop(batches.EMAIL, None)
    wanted = settings.hubspot_lifecycle.get(one.leads[0].priority, "")
    is_forward = _is_forward(found.properties.get(STAGE, ""), wanted, settings.hubspot_lifecycle_stages)
    return properties | ({STAGE: wanted} if is_forward else {})


def _is_forward(known: str, wanted: str, order: Sequence[str]) -> bool:
    """Whether the stage is a later one. A stage that people have made is none of ours, and stays."""
    if wanted not in order or (known and known not in order):
        return False
    return not known or order.index(known) < order.index(wanted)
