"""What events show of people: identities that were seen together, and who they are afterwards.

`observe` is the one way in. People are worked out anew from all links of the identities concerned (`shared.people.graph`), so
the same events in any order, twice, or at once end in the same people.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session, aliased

from shared import flows
from shared.people import graph
from shared.people.graph import Nature
from shared.people.kinds import Identity, exclusive, names_of
from shared.store import people_models as tables
from shared.store.dialect import insert_if_absent, locked
from shared.store.people_models import IdentityLink, KnownPerson

SEEN_AGAIN_AFTER = timedelta(days=1)  # `seen_at` is for people; it need not cost a write for each event

# Put together once: that would cost more, for every event, than running them.
_BY_KEY = locked(
    select(tables.Identity).where(tables.Identity.key.in_(bindparam("keys", expanding=True))).order_by(tables.Identity.id),
    tables.Identity,
)
_BY_ID = locked(
    select(tables.Identity).where(tables.Identity.id.in_(bindparam("ids", expanding=True))).order_by(tables.Identity.id),
    tables.Identity,
)
_LINKS = select(IdentityLink).where(
    IdentityLink.revoked_at.is_(None),
    or_(
        IdentityLink.first_id.in_(bindparam("ids", expanding=True)),
        IdentityLink.second_id.in_(bindparam("ids", expanding=True)),
    ),
)
_ANOTHER = (
    select(tables.Identity.id)
    .where(tables.Identity.person_id == bindparam("person"), tables.Identity.id != bindparam("id"))
    .limit(1)
)


def _linked_to() -> Select[str]:
    """The keys among `others` of what the identity with the key `first` was seen together with."""
    one, other = aliased(tables.Identity), aliased(tables.Identity)
    ends = or_(
        and_(IdentityLink.first_id == one.id, IdentityLink.second_id == other.id),
        and_(IdentityLink.second_id == one.id, IdentityLink.first_id == other.id),
    )
    query = select(other.key).select_from(one).join(IdentityLink, IdentityLink.nature == Nature.SEEN.value).join(other, ends)
    return query.where(one.key == bindparam("first"), other.key.in_(bindparam("others", expanding=True)))


_LINKED = _linked_to()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one event shows of one person, who is known by the first of `proven`.

    `proven`: ids that systems issued, and addresses that a message came from or that a signed link of ours carried. `typed`:
    what somebody wrote into a form, a checkout or a calendar, in a signed body too; it proposes and joins nobody. `same`:
    pairs that a system has merged or renamed. `source` names the event, such as `manychat.contact`; `at` is when it happened.
    `time_zone`: where the person lives, where the event says so; the newest word of it counts.
    """

    source: str
    at: datetime
    proven: Sequence[Identity]
    typed: Sequence[Identity] = ()
    same: Sequence[tuple[Identity, Identity]] = ()
    time_zone: str | None = None


def observe(session: Session, seen: Seen) -> int | None:
    """Note what an event shows, and return the number of the person (None where an identity of theirs is shared by several).

    A second run changes nothing. The rows of the identities are locked until the transaction ends, and so are the gaps where
    they are missing, so that two events about one person are taken in one after the other.
    """
    same = [one for pair in seen.same for one in pair]
    proven = {one.key for one in (*seen.proven, *same)}
    wanted = {one.key: one for one in (*seen.proven, *same, *seen.typed)}
    found = {row.key: row for row in session.scalars(_BY_KEY, {"keys": sorted(wanted)})}
    is_stranger = not found and not seen.same and _goes_together(seen.proven)
    person = _new_person(session) if is_stranger else _joined(session, seen, found)
    missing = [one for key, one in sorted(wanted.items()) if key not in found]
    rows = found | _added(session, missing, seen.at, proven, person)
    _note_zone(rows[seen.proven[0].key], seen)
    news = [key not in found or _prove(rows[key], seen.at) for key in sorted(proven)]
    news += [_linked(session, each, seen, found) for each in _links_of(seen, rows)]
    if any(news) and person is None:
        rebuild(session, {row.id for row in rows.values()})
    if any(news) and not is_stranger:
        announce(session, wanted.values())
    return rows[seen.proven[0].key].person_id


def are_linked(session: Session, first: Identity, others: Iterable[Identity]) -> bool:
    """Whether an identity was seen together with each of these already. Nothing is locked or changed."""
    keys = {each.key for each in others}
    return set(session.scalars(_LINKED, {"first": first.key, "others": sorted(keys)})) == keys


def announce(session: Session, found: Iterable[Identity]) -> None:
    """Call the listeners of `person.known`: more is known of who these are than before."""
    session.flush()
    names = [name for one in found for name in names_of(one)]
    for _flow, listener in flows.listeners("person.known"):
        listener(session, names)


def _goes_together(proven: Sequence[Identity]) -> bool:
    """Whether nothing keeps these apart: no two of a kind of which a person has one."""
    kinds_of_one = [one.kind for one in set(proven) if one.kind in exclusive()]
    return len(kinds_of_one) == len(set(kinds_of_one))


def _joined(session: Session, seen: Seen, found: Mapping[str, tables.Identity]) -> int | None:
    """Whose all that is proven here is, where that can be told without working it out; else None.

    So it is where the first is one of several identities that are a single person's, and every other one is new, so that
    nothing else leads to it, and of a kind of which a person may have several. (One that stands alone may be shared by people
    who are known by nothing else.)
    """
    first, *others = seen.proven
    known = found.get(first.key)
    if seen.same or known is None or known.person_id is None or not known.is_proven:
        return None
    if any(one.key in found or one.kind in exclusive() for one in others):
        return None
    is_one_of_several = session.scalars(_ANOTHER, {"person": known.person_id, "id": known.id}).first() is not None
    return known.person_id if is_one_of_several else None


def _links_of(seen: Seen, rows: Mapping[str, tables.Identity]) -> list[tuple[tables.Identity, tables.Identity, Nature]]:
    """What an event links: pairs of rows, that of the smaller number first, each pair once."""
    first, *others = seen.proven
    pairs = [(first, other, Nature.SEEN) for other in others]
    pairs += [(first, one, Nature.PROPOSED) for one in seen.typed]
    pairs += [(one, other, Nature.SAME) for one, other in seen.same]
    by_number = {row.id: row for row in rows.values()}
    numbers = [(rows[one.key].id, rows[other.key].id, nature) for one, other, nature in pairs]
    ends = {(min(one, other), max(one, other), nature) for one, other, nature in numbers}
    return [(by_number[one], by_number[other], nature) for one, other, nature in sorted(ends) if one != other]


def _prove(row: tables.Identity, at: datetime) -> bool:
    """Note that something else than a typed text has shown it; whether that is news."""
    news = not row.is_proven
    row.is_proven = True
    if at > row.seen_at + SEEN_AGAIN_AFTER:
        row.seen_at = at
    return news


def _note_zone(row: tables.Identity, seen: Seen) -> None:
    """Keep the newest word; of two at the same moment the one that sorts last, so that no order of events matters."""
    if seen.time_zone is None:
        return
    if row.time_zone_at is None or (row.time_zone_at, row.time_zone or "") < (seen.at, seen.time_zone):
        row.time_zone, row.time_zone_at = seen.time_zone, seen.at


def _added(
    session: Session, missing: Sequence[Identity], at: datetime, proven: Collection[str], person: int | None
) -> dict[str, tables.Identity]:
    """New rows by their keys; the keys `proven` are those of `person`, where that is known already.

    Where another transaction has just inserted one (PostgreSQL), this one is run again.
    """
    rows = {one.key: tables.Identity(key=one.key, kind=one.kind, value=one.value, seen_at=at) for one in missing}
    for key in rows.keys() & proven:
        rows[key].is_proven, rows[key].person_id = True, person
    session.add_all(rows.values())
    session.flush()
    return rows


def _linked(
    session: Session, ends: tuple[tables.Identity, tables.Identity, Nature], seen: Seen, found: Mapping[str, tables.Identity]
) -> bool:
    """Link two identities that were seen together; whether that is new. An identity that is new itself has no link yet."""
    one, other, nature = ends
    if one.key in found and other.key in found:
        return link(session, one, other, nature, seen.source, seen.at)
    session.add(IdentityLink(**_link_between(one, other, nature), **_facts_of_link(seen.source, seen.at)))
    return True


def link(
    session: Session,
    one: tables.Identity,
    other: tables.Identity,
    nature: Nature,
    source: str,
    at: datetime,
    actor: str | None = None,
) -> bool:
    """Link two identities; whether that is new. One that an operator took back stays so, unless an operator sets it again."""
    if one.id == other.id:
        return False
    values = _link_between(one, other, nature)
    facts = _facts_of_link(source, at) | {"actor": actor}
    if insert_if_absent(session, IdentityLink, ("first_id", "second_id", "nature"), values | facts):
        return True
    if actor is None:
        return False
    row = session.scalars(select(IdentityLink).filter_by(**values)).one()
    was_revoked = row.revoked_at is not None
    row.revoked_at, row.revoked_by, row.actor, row.at = None, None, actor, at
    return was_revoked


def _link_between(one: tables.Identity, other: tables.Identity, nature: Nature) -> dict[str, Any]:
    first, second = sorted((one.id, other.id))
    return {"first_id": first, "second_id": second, "nature": nature.value}


def _facts_of_link(source: str, at: datetime) -> dict[str, Any]:
    return {"source": source[: tables.SOURCE_LENGTH], "at": at}


def rebuild(session: Session, ids: Iterable[int], first: Collection[int] = ()) -> None:
    """Work out anew who the people are to whom these identities lead, and write what has changed.

    Where a person becomes several, those of the identities `first` keep the number.
    """
    rows, links = neighbourhood(session, ids)
    proven = {row.id: row.kind for row in rows.values() if row.is_proven}
    found = graph.partition(proven, [_as_link(each) for each in links], exclusive())
    _assign(session, rows, found, first)


def neighbourhood(session: Session, ids: Iterable[int]) -> tuple[dict[int, tables.Identity], list[IdentityLink]]:
    """Every identity to which these lead by proof, locked, and all links that count among them.

    Read until nothing is added: while a lock was waited for another transaction may have linked more.
    """
    wanted = set(ids)
    while True:
        rows = {row.id: row for row in session.scalars(_BY_ID, {"ids": sorted(wanted)})}
        links = list(session.scalars(_LINKS.execution_options(populate_existing=True), {"ids": sorted(wanted)}))
        led = {end for each in links if each.nature != Nature.PROPOSED for end in (each.first_id, each.second_id)}
        if led <= rows.keys():
            return rows, links
        wanted |= led


def _as_link(row: IdentityLink) -> graph.Link:
    return graph.Link(row.first_id, row.second_id, Nature(row.nature))


def _assign(session: Session, rows: dict[int, tables.Identity], found: graph.Partition, first: Collection[int]) -> None:
    """Give each person a number: the smallest that one of their identities had, else a new one.

    A number that nobody has any more leads on to whoever has the identity that had it.
    """
    before = {row.id: row.person_id for row in rows.values()}
    taken: set[int] = set()
    for person in sorted(found.people, key=lambda nodes: (nodes.isdisjoint(first), min(nodes))):
        numbers = sorted({before[node] for node in person} - {None} - taken, key=lambda number: number or 0)
        number = numbers[0] if numbers and numbers[0] is not None else _new_person(session)
        taken.add(number)
        for node in person:
            rows[node].person_id, rows[node].is_shared = number, False
    for node in found.shared:
        rows[node].person_id, rows[node].is_shared = None, True
    _lead_on(session, rows, before, taken)


def _new_person(session: Session) -> int:
    person = KnownPerson()
    session.add(person)
    session.flush()
    return person.id


def _lead_on(session: Session, rows: dict[int, tables.Identity], before: dict[int, int | None], taken: set[int]) -> None:
    """Numbers in use lead nowhere else; those that nobody has any more lead to where their first identity is now."""
    given_up = {number: node for node, number in sorted(before.items(), reverse=True) if number and number not in taken}
    numbers = sorted({*given_up, *taken})
    for person in session.scalars(select(KnownPerson).where(KnownPerson.id.in_(numbers)).order_by(KnownPerson.id)):
        moved_to = rows[given_up[person.id]].person_id if person.id in given_up else None
        if person.moved_to != moved_to:
            person.moved_to = moved_to
