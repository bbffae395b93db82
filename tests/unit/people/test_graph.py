"""Which identities are one person: the order of events cannot matter, and nobody who is kept apart is joined."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from shared.people.graph import Link, Nature, Partition, partition

EXCLUSIVE = frozenset({"manychat", "hubspot"})
SAME, SEEN, PROPOSED, DIFFERENT = Nature.SAME, Nature.SEEN, Nature.PROPOSED, Nature.DIFFERENT


def people(kinds: str, *links: tuple[int, int, Nature]) -> list[set[int]]:
    """The people among identities 1, 2, ...; each kind by its first letter."""
    names = {"m": "manychat", "h": "hubspot", "p": "phone", "e": "email", "s": "stripe"}
    given_kinds = {number: names[letter] for number, letter in enumerate(kinds, start=1)}
    found = partition(given_kinds, [Link(*link) for link in links], EXCLUSIVE)
    return sorted((set(person) for person in found.people), key=min)


def test_what_was_proven_together_is_one_person() -> None:
    """A chain of proofs joins all of it."""
    assert people("mpes", (1, 2, SEEN), (2, 3, SEEN), (3, 4, SEEN)) == [{1, 2, 3, 4}]


def test_what_somebody_typed_joins_nobody() -> None:
    """A proposal leaves two people two."""
    assert people("me", (1, 2, PROPOSED)) == [{1}, {2}]


def test_two_people_with_one_phone_stay_two() -> None:
    """A household's number belongs to both and to nobody alone."""
    assert people("mmp", (1, 3, SEEN), (2, 3, SEEN)) == [{1}, {2}]


def test_a_shared_phone_takes_its_mailbox_along() -> None:
    """What hangs on a shared number joins nobody either; with no other neighbour it is a person of its own."""
    assert people("mmpe", (1, 3, SEEN), (2, 3, SEEN), (3, 4, SEEN)) == [{1}, {2}, {4}]


def test_a_mailbox_of_one_of_a_household_stays_theirs() -> None:
    """Ana's own mailbox does not become shared because Ana shares a telephone."""
    assert people("mmpe", (1, 3, SEEN), (2, 3, SEEN), (1, 4, SEEN)) == [{1, 4}, {2}]


def test_a_contact_of_another_system_that_points_to_two_people_joins_neither() -> None:
    """One HubSpot contact that was proven with two ManyChat ids belongs to both."""
    assert people("mmh", (1, 3, SEEN), (2, 3, SEEN)) == [{1}, {2}]


def test_several_customers_of_a_kind_that_is_not_exclusive_may_be_one_person() -> None:
    """Stripe makes a customer for each checkout."""
    assert people("sse", (1, 3, SEEN), (2, 3, SEEN)) == [{1, 2, 3}]


def test_a_system_that_renamed_somebody_is_followed() -> None:
    """Two exclusive ids that are the same person's do not keep them apart."""
    assert people("hhe", (1, 2, SAME), (1, 3, SEEN), (2, 3, SEEN)) == [{1, 2, 3}]


def test_a_separation_by_hand_holds() -> None:
    """Whatever is seen later, two who were separated are not joined; what leads to both is shared."""
    assert people("epe", (1, 2, SEEN), (2, 3, SEEN), (1, 3, DIFFERENT)) == [{1}, {3}]
    assert people("ee", (1, 2, SEEN), (1, 2, DIFFERENT)) == [{1}, {2}]
    assert people("ee", (1, 2, SAME), (1, 2, DIFFERENT)) == [{1}, {2}]


def test_shared_identities_are_told() -> None:
    """The caller learns which identities belong to several people."""
    found = partition({1: "manychat", 2: "manychat", 3: "phone"}, [Link(1, 3, SEEN), Link(2, 3, SEEN)], EXCLUSIVE)
    assert found == Partition(frozenset({frozenset({1}), frozenset({2})}), frozenset({3}))


KINDS = st.lists(st.sampled_from(["manychat", "hubspot", "phone", "email", "stripe"]), min_size=1, max_size=9).map(
    lambda kinds: dict(enumerate(kinds))
)
LINKS = st.lists(
    st.builds(Link, st.integers(0, 8), st.integers(0, 8), st.sampled_from(list(Nature))).filter(
        lambda it: it.first != it.second
    ),
    max_size=16,
)


@given(kinds=KINDS, links=LINKS, data=st.data())
def test_the_order_of_events_does_not_matter(kinds: dict[int, str], links: list[Link], data: st.DataObject) -> None:
    """Any order of the links, and of the identities, gives the same people."""
    shuffled = data.draw(st.permutations(links))
    turned = [Link(link.second, link.first, link.nature) for link in shuffled]
    other_kinds = dict(data.draw(st.permutations(list(kinds.items()))))
    assert partition(kinds, links, EXCLUSIVE) == partition(other_kinds, turned + shuffled[:1], EXCLUSIVE)


@given(kinds=KINDS, links=LINKS)
def test_nobody_who_is_kept_apart_is_joined(kinds: dict[int, str], links: list[Link]) -> None:
    """No person holds two of an exclusive kind that no link calls the same, nor two who were separated."""
    apart = {link.pair for link in links if link.nature is DIFFERENT}
    same = any(link.nature is SAME for link in links)
    for person in partition(kinds, links, EXCLUSIVE).people:
        assert not any(pair <= person for pair in apart)
        if not same:
            assert not any(kinds[a] == kinds[b] and kinds[a] in EXCLUSIVE for a, b in combinations(sorted(person), 2))


@given(kinds=KINDS, links=LINKS)
def test_every_identity_has_its_place(kinds: dict[int, str], links: list[Link]) -> None:
    """Each identity is one person's, or shared, never both and never two people's."""
    found = partition(kinds, links, EXCLUSIVE)
    placed = [node for person in found.people for node in person]
    assert len(placed) == len(set(placed))
    assert set(placed) | found.shared == kinds.keys()
    assert not found.shared & set(placed)
