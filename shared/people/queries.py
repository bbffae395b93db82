"""Questions about people: who is it, what are their identities and why, and who may be the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shared.people import kinds
from shared.people.graph import Nature
from shared.people.kinds import Identity
from shared.store import people_models as tables
from shared.store.people_models import IdentityLink, KnownPerson


@dataclass(frozen=True, kw_only=True)
class Held:
    """An identity of a person. `is_shared`: it is others' as well. `is_probable`: only a typed text says that it is theirs."""

    id: int
    kind: str
    value: str
    is_shared: bool
    is_probable: bool
    seen_at: datetime


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A person: what is theirs, what probably is, which links say so, and who may be the same person."""

    id: int
    identities: tuple[Held, ...]
    links: tuple[IdentityLink, ...]
    probably_same: tuple[int, ...]


def resolve(session: Session, number: int) -> int | None:
    """Who that person is today: a number that was given up leads on. None where there never was one."""
    seen: set[int] = set()
    while number not in seen:
        seen.add(number)
        row = session.get(KnownPerson, number, populate_existing=True)
        if row is None:
            return None
        number = row.moved_to or row.id
    return number


def names(session: Session, number: int) -> list[str]:
    """By what journeys, events and messages name a person, under any number that was ever theirs; empty where there is none."""
    return [name for one in identities(session, number) for name in kinds.names_of(one)]


def identities(session: Session, number: int) -> list[Identity]:
    """What is a person's alone, under any number that was ever theirs; empty where there is no such person."""
    current = resolve(session, number)
    rows = session.scalars(select(tables.Identity).where(tables.Identity.person_id == current).order_by(tables.Identity.id))
    return [Identity(row.kind, row.value) for row in rows]


def of(session: Session, identity: Identity) -> list[int]:
    """The people of an identity by number: one, several where it is shared, none where nobody has proven it."""
    row = session.scalars(select(tables.Identity).where(tables.Identity.key == identity.key)).one_or_none()
    if row is None:
        return []
    return _owners(session, [row])


def with_proposals(session: Session, identity: Identity) -> list[int]:
    """Everybody whose it may be, by proof or by what was typed: for caps, stops and the end of journeys, never to write to."""
    row = session.scalars(select(tables.Identity).where(tables.Identity.key == identity.key)).one_or_none()
    if row is None:
        return []
    near = [end for each in _links(session, [row.id]) for end in (each.first_id, each.second_id)]
    rows = session.scalars(select(tables.Identity).where(tables.Identity.id.in_({row.id, *near}))).all()
    return _owners(session, rows)


def profile(session: Session, number: int) -> Profile | None:
    """One person, under any number that was ever theirs."""
    current = resolve(session, number)
    if current is None:
        return None
    own = list(session.scalars(select(tables.Identity).where(tables.Identity.person_id == current)))
    own_ids = {row.id for row in own}
    links = _links(session, own_ids)
    near = {end for each in links for end in (each.first_id, each.second_id)} - own_ids
    others = {row.id: row for row in session.scalars(select(tables.Identity).where(tables.Identity.id.in_(near)))}
    held = [_held(row, shared=False, probable=False) for row in own]
    held += [_held(row, shared=True, probable=False) for row in others.values() if row.is_shared]
    proposed = {
        end for each in links if each.nature == Nature.PROPOSED for end in (each.first_id, each.second_id) if end in others
    }
    held += [_held(others[end], shared=False, probable=True) for end in sorted(proposed) if not others[end].is_shared]
    same = {number for end in proposed for number in _proposers(session, others[end])} - {current}
    in_order = sorted(held, key=lambda one: (one.is_probable, one.kind, one.value))
    return Profile(id=current, identities=tuple(in_order), links=tuple(links), probably_same=tuple(sorted(same)))


def _proposers(session: Session, row: tables.Identity) -> list[int]:
    ends = {end for each in _links(session, [row.id]) for end in (each.first_id, each.second_id)}
    return _owners(session, session.scalars(select(tables.Identity).where(tables.Identity.id.in_({row.id, *ends}))).all())


def _owners(session: Session, rows: Iterable[tables.Identity]) -> list[int]:
    """The people of these identities; a shared one's are those of the identities that it was proven with."""
    rows = list(rows)
    found = {row.person_id for row in rows if row.person_id is not None}
    shared = [row.id for row in rows if row.is_shared]
    if shared:
        proven = [each for each in _links(session, shared) if each.nature in (Nature.SEEN, Nature.SAME)]
        ends = {end for each in proven for end in (each.first_id, each.second_id)} - set(shared)
        query = select(tables.Identity.person_id).where(tables.Identity.id.in_(ends), tables.Identity.person_id.is_not(None))
        found |= set(session.scalars(query))
    return sorted(number for number in found if number is not None)


def _links(session: Session, ids: Iterable[int]) -> list[IdentityLink]:
    """The links of these identities that count, in the order of their numbers."""
    wanted = sorted(ids)
    query = select(IdentityLink).where(
        IdentityLink.revoked_at.is_(None), or_(IdentityLink.first_id.in_(wanted), IdentityLink.second_id.in_(wanted))
    )
    return list(session.scalars(query.order_by(IdentityLink.id)))


def _held(row: tables.Identity, *, shared: bool, probable: bool) -> Held:
    return Held(id=row.id, kind=row.kind, value=row.value, is_shared=shared, is_probable=probable, seen_at=row.seen_at)
