"""Which identities are one person: a pure function of everything that is known, so that the order of events cannot matter.

Identities are nodes. A link says of two of them how they were seen together. Three things keep people apart: an outside system
that counts them as two (an *exclusive* kind: one person has one ManyChat id), an operator who said so (`DIFFERENT`), and that
nobody has proven anything (`PROPOSED`, what somebody typed).

An identity that leads to two of them who are kept apart is *shared*: the telephone of a household, the mailbox of a company. It
belongs to each of them and joins nobody. Whether it is shared follows from all links together and not from which came first.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

type Node = int
"""An identity, by the number of its row."""


class Nature(StrEnum):
    """How two identities belong together."""

    SAME = "same"  # two names of one thing: a system merged or renamed them, or an operator said so
    SEEN = "seen"  # proven together: a message came from this number, a signed link brought that lead
    PROPOSED = "proposed"  # somebody typed it
    DIFFERENT = "different"  # an operator said that they are two people


@dataclass(frozen=True, slots=True)
class Link:
    """Two identities and how they belong together; the order of the two means nothing."""

    first: Node
    second: Node
    nature: Nature

    @property
    def pair(self) -> frozenset[Node]:
        """Both, without an order."""
        return frozenset((self.first, self.second))


@dataclass(frozen=True)
class Partition:
    """People, each as the identities that are theirs alone; and whose the shared ones are, as numbers of nodes beside them."""

    people: frozenset[frozenset[Node]]
    shared: frozenset[Node]


type _Edges = Mapping[Node, Collection[Node]]


def partition(kinds: Mapping[Node, str], links: Iterable[Link], exclusive: Collection[str]) -> Partition:
    """The people among the identities `kinds` (each with its kind), by the links between them.

    No person holds two identities of one exclusive kind, unless a link says that these are the same, nor two that an operator
    has separated. A shared identity whose neighbours are all shared as well is a person of its own.
    """
    known = [link for link in links if link.first in kinds and link.second in kinds]
    apart = {link.pair for link in known if link.nature is Nature.DIFFERENT}
    near = [link for link in known if link.pair not in apart and link.nature in (Nature.SAME, Nature.SEEN)]
    of = _classes(kinds, near, apart)
    conflicts = _conflicts(kinds, of, apart, exclusive)
    edges = _edges(of, near, conflicts)
    shared = _shared(edges, conflicts)
    whole = _components(edges, shared)
    return Partition(
        frozenset(frozenset(node for node in kinds if of[node] in component) for component in whole),
        frozenset(node for node in kinds if of[node] in shared and not any(of[node] in component for component in whole)),
    )


def _classes(kinds: Mapping[Node, str], near: Iterable[Link], apart: Collection[frozenset[Node]]) -> dict[Node, Node]:
    """For each node the smallest of those that are the same as it. A class that holds two who are kept apart is dissolved."""
    edges: dict[Node, set[Node]] = {node: set() for node in kinds}
    for link in near:
        if link.nature is Nature.SAME:
            edges[link.first].add(link.second)
            edges[link.second].add(link.first)
    classes: dict[Node, Node] = {}
    for component in _components(edges, frozenset()):
        broken = any(pair <= component for pair in apart)
        classes |= {node: node if broken else min(component) for node in component}
    return classes


type _Conflict = Mapping[Node, Node]
"""Those who are kept apart from each other, each with what they are one of: two with equal values are no conflict."""


def _conflicts(
    kinds: Mapping[Node, str], of: Mapping[Node, Node], apart: Iterable[frozenset[Node]], exclusive: Collection[str]
) -> list[_Conflict]:
    by_kind: dict[str, dict[Node, Node]] = defaultdict(dict)
    for node, kind in kinds.items():
        if kind in exclusive:
            by_kind[kind][of[node]] = of[node]
    separated = [{of[node]: of[node] for node in pair} for pair in apart]
    return [conflict for conflict in (*by_kind.values(), *separated) if len(conflict) > 1]


def _edges(of: Mapping[Node, Node], near: Iterable[Link], conflicts: Collection[_Conflict]) -> dict[Node, set[Node]]:
    """The links between classes, without those between two who are kept apart."""
    edges: dict[Node, set[Node]] = {representative: set() for representative in of.values()}
    for link in near:
        first, second = of[link.first], of[link.second]
        if first != second and not any(first in conflict and second in conflict for conflict in conflicts):
            edges[first].add(second)
            edges[second].add(first)
    return edges


def _shared(edges: _Edges, conflicts: Iterable[_Conflict]) -> frozenset[Node]:
    """Every node from which two of a conflict are reached without passing through one of that conflict."""
    shared: set[Node] = set()
    for conflict in conflicts:
        reached: dict[Node, set[Node]] = defaultdict(set)
        for end in conflict:
            for node in _reach(edges, end, conflict):
                reached[node].add(end)
        shared |= {node for node, ends in reached.items() if len(ends) > 1}
    return frozenset(shared)


def _reach(edges: _Edges, start: Node, walls: Collection[Node]) -> Iterator[Node]:
    """Every node that `start` leads to, not through one of `walls`."""
    seen, waiting = {start}, [start]
    while waiting:
        for node in edges[waiting.pop()]:
            if node not in seen and node not in walls:
                seen.add(node)
                waiting.append(node)
                yield node


def _components(edges: _Edges, shared: Collection[Node]) -> list[frozenset[Node]]:
    """The nodes that hang together without the shared ones; a shared one without any neighbour among them stands alone."""
    found: list[frozenset[Node]] = []
    placed: set[Node] = set()
    for node in edges:
        if node in placed or (node in shared and any(near not in shared for near in edges[node])):
            continue
        component = frozenset({node} if node in shared else {node, *_reach(edges, node, shared)})
        placed |= component
        found.append(component)
    return found
