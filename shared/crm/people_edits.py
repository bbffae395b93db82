"""Join and separate people by hand, and follow the ids that a system merged or renamed. All of it is in the action log.

A join by hand overrules what keeps two people apart; a separation overrules what joins them, now and later. What an operator
said last holds.
"""

from collections.abc import Collection, Iterable
from itertools import product

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import editing
from shared.errors import FieldError, RefusedError
from shared.people import observing, queries
from shared.people.graph import Nature
from shared.people.kinds import Identity, exclusive
from shared.people.observing import Seen
from shared.store import people_models as tables
from shared.store.people_models import IdentityLink

BY_HAND = "by-hand"


def join(session: Session, first: int, second: int, actor: str) -> list[int]:
    """Make two people one; the numbers of the people of all their identities afterwards (one, where it could be done).

    Separations by hand between the two are taken back first; only if that does not join them, links are added. Joining people
    who are one already changes nothing.

    Raises:
        RefusedError: 404, there is no such person.
    """
    one, other = _identities(session, first, second)
    if {row.id for row in one} == {row.id for row in other}:
        return _people(one)
    _revoke(session, one, other, (Nature.DIFFERENT,), actor)
    observing.rebuild(session, _ids(one, other))
    if len(_people([*one, *other])) > 1:
        for left, right in _pairs_to_join(one, other):
            same = left.kind == right.kind and left.kind in exclusive()
            nature = Nature.SAME if same else Nature.SEEN
            observing.link(session, left, right, nature, BY_HAND, clock.now(), actor)
        observing.rebuild(session, _ids(one, other))
    observing.announce(session, [Identity(row.kind, row.value) for row in (*one, *other)])
    editing.log(session, actor, "people.join", f"person:{first}", f"person:{second}")
    return _people([*one, *other])


def _pairs_to_join(
    one: Collection[tables.Identity], other: Collection[tables.Identity]
) -> Iterable[tuple[tables.Identity, tables.Identity]]:
    """One identity of each; and each two of a kind of which a person has but one, which are then the same."""
    yield min(one, key=_number), min(other, key=_number)
    for left, right in product(one, other):
        if left.kind == right.kind and left.kind in exclusive():
            yield left, right


def follow(session: Session, kept: Identity, gone: Collection[Identity], source: str, actor: str) -> list[int]:
    """A system has merged or renamed ids: those that are gone are the one that is kept; the numbers of its people.

    What is known by any of them leads to one person from now on, and numbers that were given up lead on. That the system
    deletes an old id afterwards is no erasure here. A second run changes nothing.
    """
    same = [(kept, one) for one in gone if one != kept]
    observing.observe(session, Seen(source=source, at=clock.now(), proven=(kept,), same=same))
    editing.log(session, actor, "people.follow", f"{kept.kind}:{source}", f"{len(same)} ids are another")
    return queries.of(session, kept)


def separate(session: Session, number: int, leaving: Collection[int], actor: str) -> list[int]:
    """Make the identities `leaving` (numbers of rows) somebody else's; the numbers of the people afterwards.

    Links by hand between the two sides are taken back; and each two of them are kept apart from now on.

    Raises:
        RefusedError: 404, there is no such person.
        RefusedError: 422, an identity is not theirs alone, or none would stay.
    """
    (own,) = _identities(session, number)
    going = [row for row in own if row.id in leaving]
    staying = [row for row in own if row.id not in leaving]
    if len(going) != len(set(leaving)):
        raise _refused("each must be an identity of this person that is not shared")
    if not staying or not going:
        raise _refused("some must leave and some must stay")
    _revoke(session, staying, going, (Nature.SEEN, Nature.SAME), actor, by_hand_only=True)
    for left, right in product(staying, going):
        observing.link(session, left, right, Nature.DIFFERENT, BY_HAND, clock.now(), actor)
    observing.rebuild(session, _ids(staying, going), first=_ids(staying, ()))
    editing.log(session, actor, "people.separate", f"person:{number}", [row.kind for row in going])
    return _people(own)


def _refused(why: str) -> RefusedError:
    return RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=[FieldError("identities", why)])


def _current(session: Session, number: int) -> int:
    current = queries.resolve(session, number)
    if current is None:
        raise editing.missing("person", number)
    return current


def _identities(session: Session, *numbers: int) -> list[list[tables.Identity]]:
    """What is each person's alone, locked together with everything that it leads to, all of it in one order.

    While the lock was waited for somebody may have turned out to be another; then that one is looked for.
    """
    while True:
        current = [_current(session, number) for number in numbers]
        ids = session.scalars(select(tables.Identity.id).where(tables.Identity.person_id.in_(current))).all()
        rows, _links = observing.neighbourhood(session, ids)
        found = [sorted((row for row in rows.values() if row.person_id == one), key=_number) for one in current]
        if all(found):
            return found
        if [_current(session, number) for number in numbers] == current:
            number = next(one for one, own in zip(numbers, found, strict=True) if not own)
            raise RefusedError(409, "conflict", f"Person {number} has no identity that is theirs alone.")


def _revoke(
    session: Session,
    one: Collection[tables.Identity],
    other: Collection[tables.Identity],
    natures: Collection[Nature],
    actor: str,
    *,
    by_hand_only: bool = False,
) -> None:
    """Take back the links of these natures between the two sides."""
    left, right = {row.id for row in one}, {row.id for row in other}
    query = select(IdentityLink).where(
        IdentityLink.revoked_at.is_(None),
        IdentityLink.nature.in_([nature.value for nature in natures]),
        or_(IdentityLink.first_id.in_(left), IdentityLink.second_id.in_(left)),
    )
    for row in session.scalars(query):
        crosses = {row.first_id, row.second_id} & left and {row.first_id, row.second_id} & right
        if crosses and (row.source == BY_HAND or not by_hand_only):
            row.revoked_at, row.revoked_by = clock.now(), actor[: tables.ACTOR_LENGTH]
    session.flush()


def _number(row: tables.Identity) -> int:
    return row.id


def _ids(one: Iterable[tables.Identity], other: Iterable[tables.Identity]) -> set[int]:
    return {row.id for row in (*one, *other)}


def _people(rows: Iterable[tables.Identity]) -> list[int]:
    return sorted({row.person_id for row in rows if row.person_id is not None})
