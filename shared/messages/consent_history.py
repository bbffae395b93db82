"""Consent with its proof: what somebody has said about messages, by channel and purpose, and which word counts now.

Words are added and never changed. Which one counts is worked out from all of them, so the order in which they come does not
matter: the newest that they said themselves, with proof; only without any such word what was imported. A stop holds at its own
address whatever stands here (`shared.messages.consent`), until they take it back from there.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.people.aliases import Aliases
from shared.people.kinds import Identity
from shared.store.consent_models import Consent
from shared.store.dialect import insert_if_absent
from shared.store.people_models import SOURCE_LENGTH
from shared.store.types import fitting, key_of

type Word = Literal["granted", "withdrawn"]
type ConsentChannel = Literal["email", "whatsapp", "sms", "voice", "manychat", "any"]
CHANNELS: tuple[str, ...] = get_args(ConsentChannel.__value__)

MARKETING, HEALTH_DATA = "marketing", "health-data"
ANY = "any"
LONGEST_TEXT = 10_000
_UNDATED = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What was said: see the columns of `Consent`. `said_at` None: an import does not say when."""

    channels: Collection[str]
    purpose: str
    word: Word
    source: str
    is_proven: bool
    said_at: datetime | None
    text: str | None = None
    version: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def record(session: Session, who: Identity, statement: Statement) -> int:
    """Keep a statement of whoever has that identity, a row for each channel; how many are new. The same again adds none."""
    said_at = clock.as_utc(statement.said_at) if statement.said_at else None
    values = {
        "identity_key": who.key,
        "kind": who.kind,
        "value": who.value,
        "purpose": statement.purpose,
        "word": statement.word,
        "source": statement.source[:SOURCE_LENGTH],
        "is_proven": statement.is_proven,
        "text": None if statement.text is None else fitting(statement.text, LONGEST_TEXT),
        "version": statement.version,
        "evidence": dict(statement.evidence),
        "said_at": said_at,
    }
    stamp = said_at.isoformat() if said_at else ""
    made = 0
    for channel in sorted(set(statement.channels)):
        parts = (who.key, channel, statement.purpose, statement.word, statement.source, stamp, statement.version or "")
        made += insert_if_absent(session, Consent, "key", values | {"key": key_of(*parts), "channel": channel})
    return made


def history(session: Session, known: Iterable[Identity]) -> list[Consent]:
    """Everything that these identities have said, in the order in which it was recorded."""
    keys = sorted({one.key for one in known})
    return list(session.scalars(select(Consent).where(Consent.identity_key.in_(keys)).order_by(Consent.id))) if keys else []


def decisive(rows: Iterable[Consent]) -> Consent | None:
    """The word that counts: the newest one with proof, else the newest; of two at one time the one that withdraws."""
    return max(rows, key=_weight, default=None)


def _weight(row: Consent) -> tuple[bool, datetime, bool, str]:
    return row.is_proven, row.said_at or _UNDATED, row.word == "withdrawn", row.key


def current(rows: Iterable[Consent]) -> dict[tuple[str, str], Consent]:
    """The word that counts by channel and purpose."""
    groups: dict[tuple[str, str], list[Consent]] = {}
    for row in rows:
        groups.setdefault((row.channel, row.purpose), []).append(row)
    return {place: found for place, several in sorted(groups.items()) if (found := decisive(several)) is not None}


def granted_at(session: Session, known: Aliases, channel: str) -> datetime | None:
    """When they last said themselves that they want marketing by a channel, if that is what counts; None else.

    Only what is theirs alone speaks for them: somebody who is probably the same cannot take back a stop.
    """
    rows = history(session, known.own)
    found = decisive(row for row in rows if row.purpose == MARKETING and row.channel in (channel, ANY))
    return found.said_at if found is not None and found.is_proven and found.word == "granted" else None
