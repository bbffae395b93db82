"""What we and Odoo last agreed on about a record, kept in the row's `odoo_seen`, and who wins where both have changed since.

A value of Odoo's that is the agreed one is no news: it is our own write that comes back, or nobody has touched it. A value that
is neither the agreed one nor ours was put there by somebody, and then the policy decides (`Settings.odoo_policy`):

    ours     ours is written again
    theirs   theirs is taken over and held: what is reported later does not change it, only Odoo does
    newest   theirs where it was set after ours (`shared.crm.facts`), else ours
    report   nothing is taken over, and nothing is written because of it; our next sync writes ours

Before we write, what will be written is noted (`sent`), so that it is known when it comes back, also where the worker died
before it could record that it had been written: until then the value before and the value sent are both ours, afterwards the
last alone.

Only digests are kept, for equality is all that is asked of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.store.types import key_of

EMPTY = False
"""A value that is known to be nothing, as Odoo writes it. None is a value that we do not know."""
DIGEST_LENGTH = 16
MOST_SENT = 5


class Verdict(StrEnum):
    """Which side's value of a fact holds."""

    SAME = "same"
    OURS = "ours"
    THEIRS = "theirs"
    LEAVE = "leave"  # we do not know it


type Sent = tuple[str, str]
"""The digest of a value, and when it was about to be written."""


@dataclass(frozen=True)
class Seen:
    """`known`: the digest of each fact's agreed value. `held`: facts that a person in Odoo has decided.

    `sent`: what we were about to write, and do not know to have arrived. `is_gone`: Odoo has deleted the record.
    """

    known: Mapping[str, str] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    sent: Mapping[str, Sequence[Sent]] = field(default_factory=dict)
    is_gone: bool = False

    @classmethod
    def of(cls, row: Any) -> "Seen":
        """What the row keeps. What was sent before its last success has arrived, and is agreed on."""
        kept, arrived = row.odoo_seen or {}, row.odoo_synced_at.isoformat(timespec="microseconds") if row.odoo_synced_at else ""
        known, uncertain = dict(kept.get("known", {})), {}
        for fact, notes in kept.get("sent", {}).items():
            if arrived_ones := [value for value, at in notes if at <= arrived]:
                known[fact] = arrived_ones[-1]
            if open_ones := [(value, at) for value, at in notes if at > arrived]:
                uncertain[fact] = open_ones
        return cls(known, frozenset(kept.get("held", ())), uncertain, bool(kept.get("gone")))

    def as_json(self) -> dict[str, Any]:
        """The same, to be kept."""
        kept = {
            "known": dict(sorted(self.known.items())),
            "held": sorted(self.held),
            "sent": {fact: [list(note) for note in notes] for fact, notes in sorted(self.sent.items())},
            "gone": self.is_gone,
        }
        return {name: value for name, value in kept.items() if value}

    def agreed(self, fact: str, value: Any, *, is_held: bool = False) -> "Seen":
        """With the value on which both sides agree now; `is_held`: a person in Odoo has decided it."""
        held = self.held | {fact} if is_held else self.held - {fact}
        sent = {name: notes for name, notes in self.sent.items() if name != fact}
        return replace(self, known={**self.known, fact: digest(value)}, held=held, sent=sent)

    def sending(self, fact: str, value: Any, at: datetime) -> "Seen":
        """With a value that we are about to write."""
        notes = (*self.sent.get(fact, ()), (digest(value), at.isoformat(timespec="microseconds")))[-MOST_SENT:]
        return replace(self, sent={**self.sent, fact: notes}, held=self.held - {fact}, is_gone=False)

    def is_sending(self, fact: str, value: Any) -> bool:
        """Whether that value is the last that we wrote, or that was agreed on."""
        notes = self.sent.get(fact)
        return (notes[-1][0] if notes else self.known.get(fact)) == digest(value)

    def is_known(self, fact: str) -> bool:
        """Whether anything was ever agreed on about the fact."""
        return fact in self.known or fact in self.sent

    def knows(self, fact: str, value: Any) -> bool:
        """Whether the value is the one agreed on last, or one that we may have written since."""
        return digest(value) in {self.known.get(fact), *(sent for sent, _at in self.sent.get(fact, ()))}


def digest(value: Any) -> str:
    """The digest of a value; of nothing, a dash."""
    return "-" if value is EMPTY else key_of(str(value))[:DIGEST_LENGTH]


def judge(policy: str, ours: Any, theirs: Any, *, is_changed: bool, is_held: bool, is_newer: bool) -> Verdict:
    """Whose value holds. `is_changed`: somebody has set theirs; `is_newer`: after ours was.

    Nothing depends on the order in which the two sides are looked at: both end with the same value. Where a person has set what
    we have as well, it is theirs, with its time.
    """
    if ours is None:
        return Verdict.THEIRS if policy in ("theirs", "newest") and theirs is not EMPTY else Verdict.LEAVE
    if ours == theirs:
        is_decided = is_changed and (policy == "theirs" or (policy == "newest" and is_newer))
        return Verdict.THEIRS if is_decided else Verdict.SAME
    match policy:
        case "theirs":
            return Verdict.THEIRS if is_changed or is_held else Verdict.OURS
        case "newest":
            return Verdict.THEIRS if is_changed and is_newer else Verdict.OURS
    return Verdict.OURS
