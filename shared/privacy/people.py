"""What the tables of people hold of somebody, and how an erasure finds it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from shared.people import aliases, kinds
from shared.privacy.holdings import Holding, PersonalData
from shared.privacy.person import Person
from shared.store.people_models import Identity, IdentityLink
from shared.store.types import key_of

IDENTITIES = Identity.__tablename__


def identify(session: Session, person: Person) -> Person:
    """Their identities: those that they are asked for by, what is proven to be theirs, and what only they have typed."""
    named = {key_of("email", mail) for mail in person.emails}
    named |= {key_of("manychat", number) for number in person.manychat_ids}
    named |= {key_of(*name.split(":", 1)) for name in person.names if ":" in name}
    rows = session.execute(select(Identity.id, Identity.person_id).where(Identity.key.in_(sorted(named)))).all()
    people = {row.person_id for row in rows if row.person_id is not None}
    theirs = session.scalars(select(Identity).where(Identity.person_id.in_(people)).order_by(Identity.id)).all()
    own = {*(row.id for row in rows), *(row.id for row in theirs)}
    return _with_names(person, theirs).with_rows(IDENTITIES, own | _typed_by_them_alone(session, own))


def _with_names(person: Person, rows: Sequence[Identity]) -> Person:
    """The same person with the addresses, ids and names of what is theirs alone, for the flows to find their rows by."""
    values = {kind: [row.value for row in rows if row.kind == kind] for kind in {row.kind for row in rows}}
    names = [
        name
        for row in rows
        if row.kind not in kinds.addresses()
        for name in kinds.names_of(kinds.Identity(row.kind, row.value))
    ]
    person = person.with_manychat_ids(values.get("manychat", ())).with_emails(values.get("email", ()))
    return person.with_phones(values.get("phone", ())).with_names(names)


def probably_the_same(session: Session, person: Person) -> list[str]:
    """By what others are known who are probably the same person, for an address was typed; an erasure leaves them alone."""
    found = aliases.of(session, person.subjects).probable
    names = [kinds.names_of(one)[0] for one in found if one.kind not in kinds.typed()]
    return sorted(set(names) - set(person.subjects))


def _typed_by_them_alone(session: Session, own: set[int]) -> set[int]:
    """What nobody has proven, and nobody else has typed."""
    query = select(Identity.id).where(Identity.id.in_(_ends(session, own) - own), ~Identity.is_proven)
    return {typed for typed in session.scalars(query) if _ends(session, {typed}) <= own | {typed}}


def _ends(session: Session, ids: set[int]) -> set[int]:
    """The identities at both ends of the links of these."""
    query = select(IdentityLink.first_id, IdentityLink.second_id)
    links = session.execute(query.where(or_(IdentityLink.first_id.in_(ids), IdentityLink.second_id.in_(ids)))).all()
    return {end for each in links for end in each}


def _link(person: Person) -> ColumnElement[bool]:
    ids: Any = person.of(IDENTITIES)
    return or_(IdentityLink.first_id.in_(ids), IdentityLink.second_id.in_(ids))


PERSONAL_DATA = PersonalData(
    holdings=(
        Holding(IdentityLink, _link),
        Holding(Identity, lambda person: Identity.id.in_(person.of(IDENTITIES))),
    ),
    identify=identify,
)
