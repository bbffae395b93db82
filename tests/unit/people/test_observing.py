"""What events show of people is kept, in any order and any number of times, with the same people in the end."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from shared.crm import people_edits
from shared.people import observing, queries
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.store.people_models import Identity as Row
from shared.store.people_models import IdentityLink, KnownPerson
from shared.store.session import reading, transact

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANA, BEA = Identity("manychat", "1"), Identity("manychat", "2")
PHONE, MAIL, LEAD = Identity("phone", "+525512345678"), Identity("email", "ana@example.com"), Identity("lead", "17")
EVENTS = (
    Seen(source="a", at=NOW, proven=(ANA, PHONE)),
    Seen(source="b", at=NOW, proven=(BEA, PHONE)),
    Seen(source="c", at=NOW, proven=(LEAD,), typed=(MAIL, PHONE)),
    Seen(source="d", at=NOW, proven=(ANA, MAIL)),
    Seen(source="e", at=NOW, proven=(LEAD, ANA)),
    Seen(source="f", at=NOW, proven=(Identity("lead", "18"),), typed=(MAIL,)),
    Seen(source="g", at=NOW, proven=(BEA,), same=((BEA, Identity("manychat", "3")),)),
)


def saw(*proven: Identity, typed: Sequence[Identity] = ()) -> int | None:
    """Take in one event."""
    return transact(lambda session: observing.observe(session, Seen(source="test", at=NOW, proven=proven, typed=typed)))


def people() -> set[frozenset[str]]:
    """The people as they are stored, each as the identities that are theirs alone."""
    with reading() as session:
        rows = session.scalars(select(Row).where(Row.person_id.is_not(None))).all()
    return {
        frozenset(f"{row.kind}:{row.value}" for row in rows if row.person_id == number)
        for number in {r.person_id for r in rows}
    }


def whose(identity: Identity) -> list[int]:
    """The people of an identity."""
    with reading() as session:
        return queries.of(session, identity)


def join(first: int, second: int) -> list[int]:
    """By hand."""
    return transact(lambda session: people_edits.join(session, first, second, "key:ops"))


def separate(number: int, *leaving: Identity) -> list[int]:
    """By hand."""

    def work(session: Session) -> list[int]:
        keys = [one.key for one in leaving]
        ids = session.scalars(select(Row.id).where(Row.key.in_(keys))).all()
        return people_edits.separate(session, number, frozenset(ids), "key:ops")

    return transact(work)


@pytest.mark.usefixtures("database")
class TestSeen:
    """`observe`."""

    def test_a_person_who_is_known_by_a_phone_alone_exists(self) -> None:
        """One proven identity is a person."""
        assert saw(PHONE) is not None
        assert people() == {frozenset({"phone:+525512345678"})}

    def test_what_was_typed_is_no_person_and_joins_nobody(self) -> None:
        """Two forms with one address are two people who are probably the same."""
        first, second = saw(LEAD, typed=(MAIL,)), saw(Identity("lead", "18"), typed=(MAIL,))
        assert first != second
        assert whose(MAIL) == []
        with reading() as session:
            assert queries.with_proposals(session, MAIL) == [first, second]
            found = queries.profile(session, first or 0)
        assert found is not None
        assert found.probably_same == (second,)
        assert [(one.kind, one.is_probable) for one in found.identities] == [("lead", False), ("email", True)]

    def test_a_proof_joins_at_once_and_old_numbers_lead_on(self) -> None:
        """Two people who turn out to be one keep the smaller number; the other leads to it."""
        first, second = saw(ANA), saw(MAIL)
        assert saw(ANA, MAIL) == first
        with reading() as session:
            assert queries.resolve(session, second or 0) == first

    def test_a_households_phone_belongs_to_both(self) -> None:
        """Neither is joined, and a message from it may be either's."""
        first, second = saw(ANA, PHONE), saw(BEA, PHONE)
        assert first != second
        assert whose(PHONE) == [first, second]

    def test_a_second_run_changes_nothing(self) -> None:
        """The same event twice writes no further row."""
        for _ in range(2):
            saw(ANA, PHONE, typed=(MAIL,))
        with reading() as session:
            assert len(session.scalars(select(Row)).all()) == 3
            assert len(session.scalars(select(IdentityLink)).all()) == 2
            assert len(session.scalars(select(KnownPerson)).all()) == 1


@pytest.mark.usefixtures("database")
class TestByHand:
    """Joins and separations."""

    def test_a_join_by_hand_overrules_two_ids_of_one_system(self) -> None:
        """The same human with two ManyChat ids: their phone is shared no longer."""
        first, second = saw(ANA, PHONE), saw(BEA, PHONE)
        assert join(first or 0, second or 0) == [first]
        assert whose(PHONE) == [first]

    def test_a_separation_holds_against_what_is_seen_later(self) -> None:
        """Two who were separated stay two, and the event that joined them is repeated in vain."""
        number = saw(ANA, MAIL)
        assert len(separate(number or 0, MAIL)) == 2
        saw(ANA, MAIL)
        saw(ANA, PHONE)
        saw(PHONE, MAIL)
        assert whose(ANA) != whose(MAIL)

    def test_each_undoes_the_other(self) -> None:
        """Separated and joined again, joined and separated again: the people are as before."""
        number = saw(ANA, MAIL) or 0
        before = people()
        assert join(*separate(number, MAIL)) == [number]
        assert people() == before
        other = saw(LEAD) or 0
        join(number, other)
        separate(number, LEAD)
        assert people() == {*before, frozenset({"lead:17"})}

    def test_a_join_of_one_person_with_themselves_changes_nothing(self) -> None:
        """Whoever asks twice gets the same answer."""
        number = saw(ANA, MAIL) or 0
        assert join(number, number) == [number]
        with reading() as session:
            assert len(session.scalars(select(IdentityLink)).all()) == 1


def forget(session: Session) -> None:
    """Nobody is known."""
    for table in (IdentityLink, Row, KnownPerson):
        session.execute(delete(table))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.permutations(EVENTS), again=st.lists(st.sampled_from(EVENTS), max_size=3))
def test_any_order_ends_in_the_same_people(database: Engine, order: Sequence[Seen], again: Sequence[Seen]) -> None:
    """The events of several systems in any order, some of them twice, make the same people."""
    transact(forget, database)
    for seen in (*order, *again):
        transact(lambda session, seen=seen: observing.observe(session, seen), database)  # type: ignore[misc]
    assert people() == {
        frozenset({"manychat:1", "email:ana@example.com", "lead:17"}),
        frozenset({"manychat:2", "manychat:3"}),
        frozenset({"lead:18"}),
    }


POOL = [Identity(kind, str(number)) for kind in ("manychat", "lead", "odoo_lead", "odoo_partner") for number in (1, 2, 3)]
SEEN = st.builds(
    lambda proven, typed: Seen(source="test", at=NOW, proven=proven, typed=typed),
    st.lists(st.sampled_from(POOL), min_size=1, max_size=3),
    st.lists(st.sampled_from(POOL), max_size=1),
)


def _chain(*pairs: str) -> list[Seen]:
    """Events that each show two identities together, as in "manychat:1 lead:1"."""
    return [Seen(source="test", at=NOW, proven=tuple(Identity(*one.split(":")) for one in pair.split())) for pair in pairs]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(events=st.lists(SEEN, max_size=7))
@example(events=_chain("manychat:1 lead:1", "manychat:2 lead:1", "lead:2 lead:1", "lead:2 odoo_lead:1"))
@example(events=_chain("manychat:1 lead:1", "lead:1 manychat:2"))
def test_what_is_told_at_once_is_what_would_be_worked_out(database: Engine, events: Sequence[Seen]) -> None:
    """Whoever is new, or joins somebody by what nobody else has, is not worked out from all links; the people are the same."""
    transact(forget, database)
    for seen in events:
        transact(lambda session, seen=seen: observing.observe(session, seen), database)  # type: ignore[misc]
    before = people()
    transact(lambda session: observing.rebuild(session, session.scalars(select(Row.id)).all()), database)
    assert people() == before
