"""Replaying many dead letters: each for itself, within the time that an HTTP answer may take."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PermanentError, RetryableError
from shared.intake import dead_letter_store
from shared.store.models import DeadLetter
from shared.web.cursor import BY_ID

log = logging.getLogger("puente.web")

BUDGET = timedelta(seconds=150)  # the platform cuts an HTTP answer off after 230 s
OUTAGE_AFTER = 3  # failures in a row for want of queue or database; waiting for each of a thousand would take hours


@dataclass(frozen=True)
class ParkedLetter:
    """What is needed of a dead letter before it is replayed; its event may be large and is left where it is."""

    id: int
    reason: str
    queue: str


@dataclass(frozen=True)
class Result:
    """What happened to one. `reason` and `detail` where it was not replayed."""

    letter: ParkedLetter
    outcome: Literal["replayed", "failed", "not-tried"]
    reason: str | None = None
    detail: str | None = None


def select_ids(
    session: Session, chosen: dead_letter_store.Filter, limit: int, after: str | None
) -> tuple[list[ParkedLetter], int, str | None]:
    """At most `limit` that match, oldest first; how many match in all; and where to go on (None: these are all)."""
    total = dead_letter_store.count(session, chosen)
    query = chosen.applied(select(DeadLetter.id, DeadLetter.reason, DeadLetter.original_queue))
    if after is not None:
        query = query.where(DeadLetter.id > BY_ID.place(after)[0])
    found = [ParkedLetter(*row) for row in session.execute(query.order_by(DeadLetter.id).limit(limit + 1))]
    letters = found[:limit]
    return letters, total, BY_ID.text(letters[-1].id) if len(found) > limit else None


def replay_each(letters: Sequence[ParkedLetter], actor: str) -> Iterator[Result]:
    """Replay them one after the other. What there is no time for, or no queue to put it on, is not tried; it stays as it is."""
    end, outages = clock.now() + BUDGET, 0
    for letter in letters:
        if outages >= OUTAGE_AFTER:
            yield Result(letter, "not-tried", "unavailable", "the ones before it failed for want of queue or database")
        elif clock.now() >= end:
            yield Result(letter, "not-tried", "out-of-time", "ask again for the rest")
        else:
            result = _replay(letter, actor)
            outages = outages + 1 if result.reason == "unavailable" else 0
            yield result


def _replay(letter: ParkedLetter, actor: str) -> Result:
    try:
        dead_letter_store.replay(letter.id, actor)
    except LookupError:
        return Result(letter, "failed", "no-such-dead-letter", "it no longer exists")
    except PermanentError as error:
        return Result(letter, "failed", error.reason, str(error))
    except RetryableError as error:
        return Result(letter, "failed", "unavailable", str(error))
    except Exception:  # a mistake of ours must not hold the others back
        log.exception("dead letter %d could not be replayed", letter.id)
        return Result(letter, "failed", "unexpected", "the log has the reason")
    return Result(letter, "replayed")
