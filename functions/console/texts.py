"""Texts: every template with its variables, how it looks to whoever gets it, when it last went out, and its versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from functions.console import text_readers
from shared.console import differences, masking, pages
from shared.console.navigation import Entry
from shared.console.routes import ConsoleRoute
from shared.console.words import mark
from shared.errors import PermanentError, RefusedError
from shared.messages import (
    notion_templates,
    preview,
    samples,
    template_sources,
    templates,
    text_checks,
    text_uses,
    text_versions,
)
from shared.messages.templates import Rendered, Template
from shared.messages.text_versions import Wording
from shared.store.message_models import TemplateCopy
from shared.store.session import reading
from shared.store.text_models import TextVersion

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="texts", title=mark("Texts"), path="/console/texts", group="going-out", icon="text", place=3)

Locale = Literal["es", "en"]
FRAMED = {"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": f"{preview.POLICY}; frame-ancestors 'self'"}
TITLES = {"subject": mark("Subject"), "text": mark("Text"), "html": mark("Mail (HTML)")}
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Listed:
    """A text in the list: its version in force (0: the file's), and when it last went out."""

    template: Template
    last_used_at: datetime | None


@dataclass(frozen=True)
class Current:
    """A text with all that its page says of it. `notion`: the page of Notion that takes its place."""

    file: Template
    now: Template
    history: Sequence[TextVersion]
    uses: dict[int, datetime]
    notion: TemplateCopy | None

    @property
    def number(self) -> int:
        """The number after which the next version comes; 0 where nobody has edited it."""
        return self.history[0].number if self.history else 0

    def wording(self, number: int) -> Wording:
        """The words of a version; 0 and one that follows the file are the file's."""
        found = next((one for one in self.history if one.number == number and not one.is_file), None)
        return Wording.of(found or self.file)


@router.get("/console/texts")
def texts(request: Request, q: Annotated[str, Query(max_length=60)] = "") -> Response:
    """All texts by name, or those whose name has a part."""
    names = [name for name in templates.names() if q.strip().lower() in name]
    with reading() as session:
        used = text_uses.last(session)
        found = [text_versions.in_force(template_sources.of_repository(name), session) for name in names]
    listed = [Listed(one, used.get((one.name, one.locale))) for one in found]
    return pages.render(request, "console/texts.html", here="texts", heading=mark("Texts"), listed=listed, q=q.strip())


@router.get("/console/texts/{name}")
def text(
    request: Request, name: str, locale: Locale = "es", person: Annotated[str, Query(max_length=LONGEST_SEARCH)] = ""
) -> Response:
    """One text: as it is received, by its sample or by what is known of a person, with addresses masked; and its versions."""
    with reading() as session:
        current = found(session, name, locale)
        reader = text_readers.find(session, current.now, person.strip()) if person.strip() else None
        session.expunge_all()
    values = masking.masked(reader.values) if reader is not None else {}
    facts: dict[str, Any] = {
        "current": current,
        "text": current.now,
        "reader_of_it": reader,
        "person": person.strip(),
        "needed": sorted(text_checks.needed(current.now)),
        "optional": sorted(templates.optional(current.now)),
        "rendered": filled(current.now, values),
        "journeys": text_readers.journeys_with(name),
        "locale": current.now.locale,
    }
    return pages.render(request, "console/text.html", here="texts", heading=name, **facts)


@router.get("/console/texts/{name}/shown")
def shown(name: str, locale: Locale = "es", person: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "") -> Response:
    """The mail by itself, for the frame of its page: nothing runs in it, whoever wrote it."""
    with reading() as session:
        current = found(session, name, locale)
        reader = text_readers.find(session, current.now, person.strip()) if person.strip() else None
    rendered = filled(current.now, masking.masked(reader.values) if reader is not None else {})
    return HTMLResponse(rendered.html or "", headers=pages.HEADERS | FRAMED)


@router.get("/console/texts/{name}/versions/{number}")
def version(request: Request, name: str, number: int, locale: Locale = "es") -> Response:
    """One version, with its difference from the one before it and from what goes out now."""
    with reading() as session:
        current = found(session, name, locale)
        session.expunge_all()
    row = next((one for one in current.history if one.number == number), None)
    if row is None:
        raise RefusedError(404, "no-such-version", mark("This text has no such version."))
    wording = current.wording(number)
    facts: dict[str, Any] = {
        "current": current,
        "row": row,
        "wording": wording,
        "titles": TITLES,
        "since": changes(current.wording(number - 1), wording),
        "until_now": changes(wording, Wording.of(current.now)),
    }
    return pages.render(request, "console/text_version.html", here="texts", heading=name, **facts)


def found(session: Session, name: str, locale: str) -> Current:
    """A text with its versions.

    Raises:
        RefusedError: 404, there is none of that name.
    """
    if name not in templates.names():
        raise RefusedError(404, "no-such-template", mark("There is no such text."))
    file = template_sources.of_repository(name, locale)
    return Current(
        file=file,
        now=text_versions.in_force(file, session),
        history=text_versions.history(session, file),
        uses=text_uses.of(session, file),
        notion=notion_templates.copy_of(session, file),
    )


def changes(before: Wording, after: Wording) -> dict[str, list[differences.Line]]:
    """What changes in each part that does."""
    both = {part: differences.lines(getattr(before, part), getattr(after, part)) for part in text_checks.PARTS}
    return {part: lines for part, lines in both.items() if lines}


def filled(template: Template, values: dict[str, Any]) -> Rendered:
    """A text with these values, and the sample's for those that lack.

    Raises:
        RefusedError: 422, it cannot be filled in.
    """
    try:
        return samples.fill(template, values)
    except PermanentError as error:
        raise RefusedError(
            422, error.reason, mark("The text cannot be filled in with its sample."), detail=str(error)
        ) from error
