"""Texts that people edit in the console: kept as versions, and the newest takes the place of the repository's file.

    Notion, where a journey takes its texts from there and it has a page of that name
    else the newest version here, unless it says that the file holds again
    else the file

This is asked for each language in turn, from that in which somebody is written to down to the one that has a file: a language
without a file may have a version all the same (`written_in`).

Every process asks for the versions in force twice a minute, so a new one counts everywhere within a minute. One that no longer
goes with its file (a deployment has renamed a variable) is left aside until somebody publishes anew, and the log says so.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from shared import clock
from shared.errors import PuenteError, RefusedError
from shared.messages import templates, text_checks
from shared.messages.templates import Template
from shared.store.models import ActionLog
from shared.store.session import reading
from shared.store.text_models import TextVersion

log = logging.getLogger("puente.messages")

FRESH = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The parts of a text that people edit."""

    subject: str = ""
    text: str = ""
    html: str = ""

    @classmethod
    def of(cls, source: Template | TextVersion) -> "Wording":
        """The parts of a template, or of a version."""
        return cls(subject=source.subject, text=source.text, html=source.html)

    def put_into(self, file: Template, version: int) -> Template:
        """The file's template with these parts."""
        return replace(file, subject=self.subject, text=self.text, html=self.html, version=version)


@dataclass(frozen=True)
class _Kept:
    """The versions in force, by name and language, as they were at a moment."""

    at: datetime
    versions: Mapping[tuple[str, str], TextVersion]


_kept: list[_Kept] = []


def forget() -> None:
    """Ask anew for the next text: something was just published here, or a test begins."""
    _kept.clear()


def in_force(file: Template, session: Session | None = None) -> Template:
    """The text that goes out now in place of a file's, or the file's where nobody has edited it.

    `session`: that of whoever is in a transaction already.

    Raises:
        PuenteError: the database cannot be asked, and it never was.
    """
    row = _versions(session).get((file.name, file.locale))
    if row is None or row.is_file:
        return file
    edited = Wording.of(row).put_into(file, row.number)
    if faults := text_checks.faults(file, edited):
        log.error("version %d of the text %s does not go with its file any more: %s", row.number, file.name, faults[0].message)
        return file
    return edited


def best(file: Template, locale: str | None, session: Session | None = None) -> Template:
    """The text that goes out now to somebody who is written to in `locale`, where `file` is the best that the repository has.

    Raises:
        PuenteError: the database cannot be asked, and it never was.
    """
    for language in templates.languages(locale):
        if language == file.locale:
            break
        edited = in_force(replace(file, locale=language), session)
        if edited.version:
            return edited
    return in_force(file, session)


def written_in(session: Session) -> Mapping[str, Sequence[str]]:
    """In which languages each text has a version in force, by its name."""
    found: dict[str, list[str]] = {}
    for (name, locale), row in sorted(_versions(session).items()):
        if not row.is_file:
            found.setdefault(name, []).append(locale)
    return found


def _versions(session: Session | None) -> Mapping[tuple[str, str], TextVersion]:
    kept, now = _kept[0] if _kept else None, clock.now()
    if kept is not None and timedelta(0) <= now - kept.at < FRESH:
        return kept.versions
    try:
        with nullcontext(session) if session is not None else reading() as asked:
            versions = {(row.name, row.locale): row for row in _newest(asked)}
    except PuenteError:
        if kept is None:
            raise
        log.warning("the versions of texts cannot be asked for; those of %s go on", kept.at)
        return kept.versions
    _kept[:] = [_Kept(now, versions)]
    return versions


def _newest(session: Session) -> Sequence[TextVersion]:
    newest = select(func.max(TextVersion.id)).group_by(TextVersion.name, TextVersion.locale)
    rows = session.scalars(select(TextVersion).where(TextVersion.id.in_(newest))).all()
    for row in rows:
        session.expunge(row)  # they are kept beyond the transaction
    return rows


def history(file: Template) -> Select[TextVersion]:
    """The query for every version of a text, in no order."""
    return select(TextVersion).where(TextVersion.name == file.name, TextVersion.locale == file.locale)


def newest(session: Session, file: Template) -> TextVersion | None:
    """The version of a text with the highest number; None where nobody has edited it."""
    return session.scalars(history(file).order_by(TextVersion.number.desc()).limit(1)).first()


def numbered(session: Session, file: Template, number: int) -> TextVersion | None:
    """The version of a text with that number; None where there is none."""
    return session.scalars(history(file).where(TextVersion.number == number)).first()


def publish(session: Session, file: Template, wording: Wording, after: int, actor: str, note: str = "") -> TextVersion:
    """Put a text in force. `after` is the number that was in force when its author began (0: none was).

    Raises:
        RefusedError: 409, somebody has published meanwhile; 422 that names what is wrong with the text.
    """
    row = _next(session, file, after, actor)
    faults = text_checks.faults(file, wording.put_into(file, row.number))
    if faults:
        raise RefusedError(422, "invalid-text", "The text cannot go out like this.", errors=faults)
    row.subject, row.text, row.html, row.note = wording.subject, wording.text, wording.html, note or None
    return _added(session, row, actor, "text.publish")


def restore(session: Session, file: Template, number: int, after: int, actor: str) -> TextVersion:
    """Put an earlier version in force again, as a new one; 0 is the file, as it is now and as later deployments have it.

    Raises:
        RefusedError: 404, there is no such version; 409, somebody has published meanwhile; 422, it does not go with its file.
    """
    if number == 0:
        row = _next(session, file, after, actor)
        row.is_file, row.restored = True, 0
        return _added(session, row, actor, "text.restore")
    found = numbered(session, file, number)
    if found is None or found.is_file:
        raise RefusedError(404, "no-such-version", "This text has no such version.")
    row = publish(session, file, Wording.of(found), after, actor)
    row.restored = number
    return row


def _next(session: Session, file: Template, after: int, actor: str) -> TextVersion:
    last = newest(session, file)
    if (last.number if last else 0) != after:
        raise RefusedError(409, "text-changed", "Somebody has published this text meanwhile: look again at what it says now.")
    return TextVersion(name=file.name, locale=file.locale, number=after + 1, actor=actor[:60])


def _added(session: Session, row: TextVersion, actor: str, action: str) -> TextVersion:
    """Add it. Where somebody else has taken its number at the same moment, the unique key refuses it."""
    session.add(row)
    session.flush()
    subject, detail = f"text:{row.name}:{row.locale}", f"version {row.number}"
    session.add(ActionLog(actor=actor[:60], action=action, subject=subject[:100], detail=detail, result="done"))
    return row
