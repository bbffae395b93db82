"""Every name and address of a person, asked for by any of their names: what is proven to be theirs, and what probably is.

Caps, stops and the end of journeys ask for both; an address to write to never comes from here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from shared.people import kinds
from shared.people.graph import Nature
from shared.people.kinds import Identity
from shared.store import people_models as tables
from shared.store.people_models import IdentityLink

MOST_PROBABLE = 50  # identities: a company's mailbox may stand in thousands of forms
MOST_OWN = 200  # the first of them: somebody may have booked a thousand meetings

# Put together once: they run for each message that is due.
_BY_KEY = select(tables.Identity).where(tables.Identity.key.in_(bindparam("keys", expanding=True)))
_BY_ID = select(tables.Identity).where(tables.Identity.id.in_(bindparam("ids", expanding=True)))
_OF_PEOPLE = select(tables.Identity).where(tables.Identity.person_id.in_(bindparam("people", expanding=True)))
_OLDEST = _OF_PEOPLE.order_by(tables.Identity.id).limit(MOST_OWN)
_NEWEST = _OF_PEOPLE.order_by(tables.Identity.seen_at.desc(), tables.Identity.id.desc()).limit(MOST_PROBABLE)
_LINKS = (
    select(IdentityLink.first_id, IdentityLink.second_id, IdentityLink.nature)
    .where(IdentityLink.revoked_at.is_(None))
    .where(
        or_(
            IdentityLink.first_id.in_(bindparam("ids", expanding=True)),
            IdentityLink.second_id.in_(bindparam("ids", expanding=True)),
        )
    )
    .order_by(IdentityLink.id.desc())
)


@dataclass(frozen=True)
class Aliases:
    """Who is asked for (`names`); which identities are theirs alone, which they share with others, which probably are theirs.

    Each is in the order in which it became known, so that everybody who is joined has the same `own`. `certain` are those of
    `own` to which an id leads that a system issued: an address among the names may have been typed by anybody.
    `time_zone` is where they live, as the newest event about one of `certain` said; None where none did.
    """

    names: tuple[str, ...]
    own: tuple[Identity, ...] = ()
    certain: tuple[Identity, ...] = ()
    shared: tuple[Identity, ...] = ()
    probable: tuple[Identity, ...] = ()
    time_zone: str | None = None

    @property
    def own_names(self) -> list[str]:
        """Every name that is theirs alone, in the order in which they became known; as they were asked for if none is."""
        return [name for one in self.own for name in kinds.names_of(one)] or list(self.names)

    @property
    def certain_names(self) -> list[str]:
        """Those by which they were asked for, and every further one that is certainly theirs: facts may go there."""
        return list(dict.fromkeys([*self.names, *(name for one in self.certain for name in kinds.names_of(one))]))

    @property
    def all_names(self) -> list[str]:
        """Every name that is or may be theirs, those first by which they were asked for."""
        known = (name for one in (*self.own, *self.shared, *self.probable) for name in kinds.names_of(one))
        return list(dict.fromkeys([*self.names, *known]))

    @property
    def addresses(self) -> list[str]:
        """Every address that nobody else has been proven to share, and that is or may be theirs. Never to write to."""
        return list(dict.fromkeys(one.value for one in (*self.own, *self.probable) if one.kind in kinds.addresses()))


def of(session: Session, names: Iterable[str]) -> Aliases:
    """Everything by which the person is or may be known of whom these are names. Nothing is locked."""
    asked = tuple(dict.fromkeys(names))
    keys = sorted({one.key for name in asked for one in kinds.by_name(name)})
    rows = list(session.scalars(_BY_KEY, {"keys": keys})) if keys else []
    if not rows:
        return Aliases(asked)
    own = {row.id: row for row in (*rows, *_of_people(session, rows, _OLDEST))}
    ends = _around(session, own)
    near = _by_id(session, {end for group in ends.values() for end in group})
    shared = {end for end in ends["proven"] if near[end].is_shared}
    typed = {end: near[end] for end in (*ends["typed"], *(ends["proven"] - shared)) if not near[end].is_shared}
    found = _probable(session, typed, own)
    apart = {near[end].person_id for end in ends["apart"]} - {None}
    probable = [row for row in found.values() if row.id not in ends["apart"] and row.person_id not in apart]
    newest = sorted(probable, key=lambda row: (row.seen_at, row.id), reverse=True)[:MOST_PROBABLE]
    issued = {row.person_id for row in rows if row.kind not in kinds.typed()} - {None}
    certain = [row for row in own.values() if row.person_id in issued]
    return Aliases(
        names=asked,
        own=_in_order(own.values()),
        certain=_in_order(certain),
        shared=_in_order(near[end] for end in shared),
        probable=_in_order(newest),
        time_zone=_zone(certain),
    )


def _zone(rows: Iterable[tables.Identity]) -> str | None:
    known = [(row.time_zone_at, row.time_zone) for row in rows if row.time_zone_at is not None]
    return max(known, key=lambda each: (each[0], each[1] or ""))[1] if known else None


def _of_people(session: Session, rows: Iterable[tables.Identity], query: Any) -> list[tables.Identity]:
    people = sorted({row.person_id for row in rows if row.person_id is not None})
    return list(session.scalars(query, {"people": people})) if people else []


def _by_id(session: Session, ids: Collection[int]) -> dict[int, tables.Identity]:
    return {row.id: row for row in session.scalars(_BY_ID, {"ids": sorted(ids)})} if ids else {}


def _around(session: Session, own: Collection[int]) -> dict[str, set[int]]:
    """Where the links of these lead: to what was typed (the newest), what was proven with them, and what is kept apart."""
    ends: dict[str, set[int]] = {"typed": set(), "proven": set(), "apart": set()}
    for first, second, nature in session.execute(_LINKS, {"ids": sorted(own)}):
        group = {Nature.PROPOSED: "typed", Nature.DIFFERENT: "apart"}.get(Nature(nature), "proven")
        other = {first, second}.difference(own)
        if group != "typed" or len(ends["typed"]) < MOST_PROBABLE:
            ends[group] |= other
    return ends


def _probable(session: Session, typed: dict[int, tables.Identity], own: Collection[int]) -> dict[int, tables.Identity]:
    """What was typed, and everything of everybody whose it is, or who has typed it as well."""
    if not typed:
        return {}
    links = session.execute(_LINKS.limit(MOST_PROBABLE), {"ids": sorted(typed)}).all()
    ends = {end for first, second, nature in links if nature != Nature.DIFFERENT for end in (first, second)}
    near = typed | _by_id(session, ends - typed.keys() - set(own))
    whole = near | {row.id: row for row in _of_people(session, near.values(), _NEWEST)}
    return {number: row for number, row in whole.items() if number not in own and not row.is_shared}


def _in_order(rows: Iterable[tables.Identity]) -> tuple[Identity, ...]:
    return tuple(Identity(row.kind, row.value) for row in sorted(rows, key=lambda row: row.id))
