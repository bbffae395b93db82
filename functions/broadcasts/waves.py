"""When so many messages of an automation fail that the system must be ill: more than a share of a quarter of an hour's.

A wave pauses its automation, and what fails in it says nothing of anybody (`shared.messages.not_on_whatsapp`).
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from functions.broadcasts import ledger
from functions.broadcasts.running_tables import Ledger, RecentFailure
from functions.broadcasts.settings import BroadcastSettings
from shared import clock
from shared.messages import not_on_whatsapp
from shared.messages.verdict import NOT_CONFIGURED
from shared.phrases import phrase
from shared.settings import settings_of

LATELY = timedelta(minutes=15)


def why_to_pause(session: Session, automation_id: int) -> str | None:
    """Why an automation is to stand still: a provider that is not set up, or a wave, which is noted; None: it goes on."""
    since = _since(session, automation_id)
    codes = _codes(session, automation_id, since)
    if codes.get(NOT_CONFIGURED):
        return phrase("the WhatsApp provider is not set up")
    failures = sum(codes.values())
    attempts = _attempts(session, automation_id, since, failures)
    if attempts is None:
        return None
    not_on_whatsapp.note_wave(session)
    worst = max(codes, key=lambda code: codes[code])
    return phrase(
        "%(failures)s of %(attempts)s messages failed within %(minutes)s minutes, most with %(code)s",
        failures=failures,
        attempts=attempts,
        minutes=LATELY.seconds // 60,
        code=worst,
    )


def note(session: Session, automation_id: int) -> None:
    """Note a wave, if there is one: also where the execution has ended, and where nobody looks after it for a while."""
    if not_on_whatsapp.is_known_wave(session):
        return
    since = _since(session, automation_id)
    codes = _codes(session, automation_id, since)
    failures = sum(number for code, number in codes.items() if code != NOT_CONFIGURED)
    if _attempts(session, automation_id, since, failures) is not None:
        not_on_whatsapp.note_wave(session)


def _since(session: Session, automation_id: int) -> datetime:
    """Since when failures count: for a quarter of an hour, and not from before somebody has resumed."""
    since, row = clock.now() - LATELY, session.get(Ledger, automation_id)
    return max(since, row.counts_since) if row is not None and row.counts_since else since


def _attempts(session: Session, automation_id: int, since: datetime, failures: int) -> int | None:
    """Of how many attempts so many have failed, if that makes a wave; None: it makes none."""
    settings = settings_of(BroadcastSettings)
    if failures < settings.broadcast_pause_failures:
        return None
    attempts = max(ledger.taken_since(session, automation_id, since), failures)
    return attempts if failures > settings.broadcast_pause_share * attempts else None


def _codes(session: Session, automation_id: int, since: datetime) -> dict[str, int]:
    ours = (RecentFailure.automation_id == automation_id, RecentFailure.at > since)
    query = select(RecentFailure.code, func.count()).where(*ours).group_by(RecentFailure.code)
    return {str(row[0]): int(row[1]) for row in session.execute(query)}
