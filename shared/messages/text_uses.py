"""When each version of a text last went out: one row for each version, written at most once in ten minutes by a process."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PuenteError
from shared.messages.templates import Template
from shared.store.dialect import insert_if_absent
from shared.store.session import transact
from shared.store.text_models import TextUse

log = logging.getLogger("puente.messages")

COARSE = timedelta(minutes=10)
_noted: dict[tuple[str, str, int], datetime] = {}


def forget() -> None:
    """Note the next use, whenever the last one was (tests)."""
    _noted.clear()


def note(template: Template) -> None:
    """Note that a text has gone out now; where that cannot be written, the message has gone all the same."""
    key, now = (template.name, template.locale, template.version), clock.now()
    if not template.name or timedelta(0) <= now - _noted.get(key, now - COARSE) < COARSE:
        return
    _noted[key] = now
    try:
        transact(partial(_keep, key=key, now=now))
    except PuenteError as error:
        log.warning("the use of a text was not noted: %s", error)


def _keep(session: Session, key: tuple[str, str, int], now: datetime) -> None:
    name, locale, version = key
    values = {"name": name[:60], "locale": locale[:20], "version": version, "last_used_at": now}
    if insert_if_absent(session, TextUse, ("name", "locale", "version"), values):
        return
    ours = (TextUse.name == name, TextUse.locale == locale, TextUse.version == version, TextUse.last_used_at < now)
    session.execute(update(TextUse).where(*ours).values(last_used_at=now))


def last(session: Session, names: Collection[str]) -> dict[tuple[str, str], datetime]:
    """When each of these texts last went out in whichever version, by its name and language."""
    columns = (TextUse.name, TextUse.locale)
    query = select(*columns, func.max(TextUse.last_used_at)).where(TextUse.name.in_(sorted(names))).group_by(*columns)
    return {(name, locale): at for name, locale, at in session.execute(query)}


def of(session: Session, template: Template, numbers: Collection[int]) -> dict[int, datetime]:
    """When each of these versions of a text last went out, by its number; 0 is the file's."""
    ours = (TextUse.name == template.name, TextUse.locale == template.locale, TextUse.version.in_(sorted(numbers)))
    return {row.version: row.last_used_at for row in session.scalars(select(TextUse).where(*ours))}
