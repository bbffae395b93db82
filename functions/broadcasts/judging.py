"""Who of the candidates may be written to, for a whole chunk at once: a handful of queries, however many people.

    reason                  | why nothing is sent
    ------------------------|------------------------------------------------------------------
    unknown_contact         | the id leads to nobody
    no_phone                | no number is known
    number:<kind>           | a premium, satellite or other number that must not be written to
    blocked                 | an operator has blocked them
    no_opt_in               | they do not want messages to many, or nobody knows that they do
    suppressed:<cause>      | a stop, an unsubscription, Meta's limit of marketing, not on WhatsApp (`shared.messages.consent`)
    missing_variable:<name> | a fact that the message needs is not known and has no default

Whoever stands in an uploaded list and of whom nothing else is known counts as willing: whoever uploads a list answers for that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.broadcasts import variables, variants
from functions.broadcasts.audience import Candidate
from functions.broadcasts.variables import Facts
from functions.broadcasts.variants import VariantB
from shared.crm import contact_profiles
from shared.crm.contact_profiles import Profile
from shared.crm.people import identities_of
from shared.messages import consent, consent_history
from shared.messages.consent_history import ANY, MARKETING
from shared.messages.digests import digests_of_address, digests_of_person
from shared.people import aliases, kinds
from shared.people.kinds import Identity
from shared.readers import phone
from shared.readers.phone import refusal_of_first_contact
from shared.store import people_models
from shared.store.consent_models import Consent
from shared.store.contact_models import Address
from shared.store.message_models import Suppression
from shared.store.models import Contact

SLICE = 500  # values in one IN: Azure SQL takes 2,100 parameters
WHATSAPP = "whatsapp"


@dataclass(frozen=True)
class Judged:
    """A candidate, and what is to be stored of them. `reason` says why they are skipped; None: they may be written to.

    `names` are those by which journeys and messages know them. `variant`: which of two texts they get.
    """

    key: str
    contact_id: int | None
    phone: str | None
    variables: Mapping[str, str]
    reason: str | None
    line: int | None
    names: tuple[str, ...] = ()
    variant: str | None = None


@dataclass(frozen=True)
class _Known:
    """A candidate with the contact that they are, if they are one."""

    candidate: Candidate
    contact: Contact | None
    profile: Profile
    phone: str | None
    identities: tuple[Identity, ...]


def judge(
    session: Session,
    candidates: Sequence[Candidate],
    mapping: Mapping[str, Any],
    needs: Sequence[str],
    b: VariantB | None = None,
) -> list[Judged]:
    """Judge a chunk. `needs` are the variables without which the flow's message cannot be sent. Nothing is changed.

    `mapping` is that of the text, or of the text A where there is a text `b`.
    """
    known = _known(session, candidates)
    addresses = _addresses(session, known, (mapping, b.mapping if b else {}))
    granted = _consents(session, known)
    suppressed = _suppressed(session, known)
    found = []
    for place, one in enumerate(known):
        is_b = b is not None and b.is_for(_key(one))
        values, missing = variables.resolve(b.mapping if b is not None and is_b else mapping, _facts(one, addresses))
        lacking = missing or next((name for name in needs if not values.get(name, "").strip()), None)
        reason = _reason(one, granted, suppressed.get(place)) or (f"missing_variable:{lacking}" if lacking else None)
        found.append(
            Judged(
                key=_key(one),
                contact_id=one.contact.id if one.contact else None,
                phone=one.phone,
                variables={} if one.candidate.unknown else values,
                reason=reason,
                line=one.candidate.line,
                names=tuple(name for each in one.identities for name in kinds.names_of(each)),
                variant=None if b is None else variants.B if is_b else variants.A,
            )
        )
    return found


def _key(one: _Known) -> str:
    if one.phone is not None:
        return one.phone
    return f"contact:{one.contact.id}" if one.contact is not None else f"unknown:{one.candidate.unknown}"[:64]


def _reason(one: _Known, granted: Mapping[str, str], suppressed: str | None) -> str | None:
    if one.candidate.unknown is not None:
        return "unknown_contact"
    if one.phone is None:
        return "no_phone"
    if (kind := refusal_of_first_contact(one.phone)) is not None and one.contact is None:
        return f"number:{kind}"
    if one.profile.is_blocked:
        return "blocked"
    if not _is_willing(one, granted):
        return "no_opt_in"
    return f"suppressed:{suppressed}" if suppressed else None


def _is_willing(one: _Known, granted: Mapping[str, str]) -> bool:
    """Their own word first; then what consents say; then a subscription in ManyChat, or the list that names them."""
    if one.profile.opt_in is not None:
        return one.profile.opt_in
    words = {granted[each.key] for each in one.identities if each.key in granted}
    if words:
        return "withdrawn" not in words
    return one.candidate.phone is not None or (one.contact is not None and one.contact.subscribed_at is not None)


def _known(session: Session, candidates: Sequence[Candidate]) -> list[_Known]:
    contacts = _contacts(session, {one.contact_id for one in candidates if one.contact_id is not None})
    by_phone = _by_phone(session, [one.phone for one in candidates if one.phone is not None])
    profiles = contact_profiles.of(session, [*contacts, *(row.id for row in by_phone.values())])
    found = []
    for one in candidates:
        contact = by_phone.get(one.phone) if one.phone else contacts.get(one.contact_id or 0)
        number = one.phone or _number_of(contact)
        names = identities_of(contact) if contact else ()
        whole = tuple(dict.fromkeys([*names, *kinds.identities(phone=number)]))
        found.append(_Known(one, contact, profiles[contact.id] if contact else Profile(), number, whole))
    return found


def _number_of(contact: Contact | None) -> str | None:
    return phone.e164_or_none(contact.phone) if contact is not None and contact.phone else None


def _contacts(session: Session, numbers: Iterable[int]) -> dict[int, Contact]:
    found: dict[int, Contact] = {}
    for some in batched(sorted(numbers), SLICE, strict=False):
        found |= {row.id: row for row in session.scalars(select(Contact).where(Contact.id.in_(some)))}
    return found


def _by_phone(session: Session, numbers: Sequence[str]) -> dict[str, Contact]:
    """The contact who has each number, the oldest where several have it."""
    asked = {spelling: number for number in numbers for spelling in (number, *phone.spellings(number))}
    found: dict[str, Contact] = {}
    for some in batched(sorted(asked), SLICE, strict=False):
        for row in session.scalars(select(Contact).where(Contact.phone.in_(some)).order_by(Contact.id)):
            found.setdefault(asked[row.phone or ""], row)
    return found


def _addresses(session: Session, known: Sequence[_Known], mappings: Sequence[Mapping[str, Any]]) -> dict[int, Address]:
    """Where contacts live, if a text asks for it."""
    named = {path for mapping in mappings for path in variables.paths(mapping)}
    if not named & {"contact.street", "contact.city", "contact.country"}:
        return {}
    found: dict[int, Address] = {}
    for some in batched(sorted({one.contact.id for one in known if one.contact}), SLICE, strict=False):
        found |= {row.contact_id: row for row in session.scalars(select(Address).where(Address.contact_id.in_(some)))}
    return found


def _facts(one: _Known, addresses: Mapping[int, Address]) -> Facts:
    of_phone = {"phone": one.phone, "phone_number": one.phone, "whatsapp_id": one.phone.lstrip("+") if one.phone else None}
    if one.contact is None:
        return Facts(contact=of_phone, row=one.candidate.row)
    row, address = one.contact, addresses.get(one.contact.id)
    contact = of_phone | {
        "name": " ".join(filter(None, (row.first_name, row.last_name))),
        "first_name": row.first_name,
        "last_name": row.last_name,
        "email": row.email,
        "channel": row.channel.name if row.channel else None,
        "state": row.last_state,
        "opt_in": one.profile.opt_in,
        "street": address.street if address else None,
        "city": address.city if address else None,
        "country": address.country if address else None,
    }
    return Facts(contact=contact, attributes=one.profile.attributes, row=one.candidate.row)


def _consents(session: Session, known: Sequence[_Known]) -> dict[str, str]:
    """The word that counts, by the key of the identity that said it."""
    words: dict[str, list[Consent]] = {}
    keys = sorted({each.key for one in known for each in one.identities})
    for some in batched(keys, SLICE, strict=False):
        query = select(Consent).where(Consent.identity_key.in_(some), Consent.channel.in_((WHATSAPP, ANY)))
        for row in session.scalars(query.where(Consent.purpose == MARKETING)):
            words.setdefault(row.identity_key, []).append(row)
    decided = {key: consent_history.decisive(rows) for key, rows in words.items()}
    return {key: row.word for key, row in decided.items() if row is not None}


def _suppressed(session: Session, known: Sequence[_Known]) -> dict[int, str]:
    """The cause against each, by their place in the chunk.

    The chunk is asked for all names and addresses at once; only for whom something is found the rules of one message are gone
    through (`consent.cause_against`), which know what holds where.
    """
    others = _proven_with(session, {each.key for one in known for each in one.identities})
    whose: dict[str, set[int]] = {}
    for place, one in enumerate(known):
        whole = {*one.identities, *(each for mine in one.identities for each in others.get(mine.key, ()))}
        for digest in _digests(one.phone, whole):
            whose.setdefault(digest, set()).add(place)
    suspects: set[int] = set()
    for some in batched(sorted(whose), SLICE, strict=False):
        query = select(Suppression.who).where(Suppression.who.in_(some), Suppression.channel == WHATSAPP, ~Suppression.lifted)
        suspects |= {place for who in session.scalars(query) for place in whose[who]}
    found = {place: _cause(session, known[place]) for place in sorted(suspects)}
    return {place: cause for place, cause in found.items() if cause is not None}


def _digests(number: str | None, identities: Iterable[Identity]) -> set[str]:
    addresses = {number} if number else set()
    found: set[str] = set()
    for one in identities:
        found |= {digest for name in kinds.names_of(one) for digest in digests_of_person(name)}
        addresses |= {one.value} if one.kind in kinds.addresses() else set()
    return found | {digest for address in addresses for digest in digests_of_address(address)}


def _cause(session: Session, one: _Known) -> str | None:
    names = [name for each in one.identities for name in kinds.names_of(each)]
    person = aliases.of(session, names)
    return consent.cause_against(session, person, WHATSAPP, one.phone, transactional=False) if one.phone else None


def _proven_with(session: Session, keys: Iterable[str]) -> dict[str, list[Identity]]:
    """Every other identity of the person to whom each of these leads."""
    person_of: dict[str, int] = {}
    table = people_models.Identity
    for some in batched(sorted(keys), SLICE, strict=False):
        query = select(table.key, table.person_id).where(table.key.in_(some), table.person_id.is_not(None))
        person_of |= {row.key: row.person_id for row in session.execute(query) if row.person_id is not None}
    theirs: dict[int, list[Identity]] = {}
    for people in batched(sorted(set(person_of.values())), SLICE, strict=False):
        of_people = select(table.person_id, table.kind, table.value).where(table.person_id.in_(people))
        for row in session.execute(of_people):
            theirs.setdefault(row.person_id, []).append(Identity(row.kind, row.value))
    return {key: theirs.get(number, []) for key, number in person_of.items()}
