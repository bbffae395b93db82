"""Operator actions on suppressions: add or lift one for a person.

An operator's entry is dated now, so it overrides every earlier wish on record.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import editing
from shared.messages import consent
from shared.messages.consent import Cause
from shared.store.dialect import locked
from shared.store.message_models import Suppression

SUPPRESS, LIFT = "suppression.add", "suppression.lift"


def suppress(session: Session, who: str, channels: Sequence[str], cause: Cause, actor: str) -> list[Suppression]:
    """Nothing more by `channels` to `who` (a digest, see `shared.messages.digests`); the rows that say so, by channel.

    Goes to the action log without saying who it is. Again changes nothing but the time, and is logged again.
    """
    rows = consent.rows(session, channels, [who], cause)
    consent.suppress(session, channels, [who], cause, _moment(rows))
    editing.log(session, actor, SUPPRESS, who, f"{', '.join(sorted(set(channels)))}: {cause}")
    return rows


def lift(session: Session, suppression_id: int, actor: str, guard: editing.Guard = editing.unguarded) -> None:
    """They may be sent messages again, as far as this suppression goes. One that is lifted already is left as it is.

    `guard` looks at the row first: whoever has said STOP once more since somebody looked has meant it.

    Raises:
        RefusedError: 404, there is none of that number.
    """
    query = select(Suppression).where(Suppression.id == suppression_id)
    row = session.scalars(locked(query, Suppression)).one_or_none()
    if row is None:
        raise editing.missing("suppression", suppression_id)
    guard(row)
    if row.lifted:
        return
    cause: Cause = row.cause  # type: ignore[assignment]  # nothing else is ever written there
    row.bounces, row.until = 0, None
    consent.lift(session, [row.channel], [row.who], cause, _moment([row]))
    editing.log(session, actor, LIFT, row.who, f"{row.channel}: {row.cause}")


def _moment(rows: Sequence[Suppression]) -> datetime:
    """Now, or a moment after the newest word on these rows, where that is later."""
    return max([clock.now(), *(row.changed_at + timedelta(microseconds=1) for row in rows)])
