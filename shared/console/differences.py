"""What changes between two texts, line by line, as a page shows it."""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

Sign = Literal["same", "gone", "new"]
_WORD = re.compile(r"\s+|[^\s]+")
LIKE = 0.5
"""From this likeness on two lines are the same one, changed; below it one has gone and another come."""


@dataclass(frozen=True)
class Piece:
    """A piece of a line, and whether it stays, has gone or is new."""

    sign: Sign
    text: str


type Line = tuple[Piece, ...]


def lines(before: str, after: str) -> list[Line]:
    """The lines that are not the same, in order; a line that was changed shows which of its words."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    for kind, i, j, k, n in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gone, come = old[i:j], new[k:n]
        while gone and come:
            found += _changed(gone.pop(0), come.pop(0))
        found += [(Piece("gone", line),) for line in gone]
        found += [(Piece("new", line),) for line in come]
    return found


def _changed(before: str, after: str) -> list[Line]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < LIKE:
        return [(Piece("gone", before),), (Piece("new", after),)]
    pieces: list[Piece] = []
    for kind, i, j, k, n in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(old[i:j])))
            continue
        pieces += [Piece("gone", "".join(old[i:j]))] if j > i else []
        pieces += [Piece("new", "".join(new[k:n]))] if n > k else []
    return [tuple(pieces)]
