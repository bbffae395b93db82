"""Texts: every template with its variables and languages, how it looks, when it last went out, and its versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from functions.console import text_readers
from shared.console import differences, listing, masking, pages
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
from shared.web.cursor import Cursor

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="texts", title=mark("Texts"), path="/console/texts", group="going-out", icon="text", place=3)

Locale = Literal["es", "en"]
FRAMED = {"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": f"{preview.POLICY}; frame-ancestors 'self'"}
TITLES = {"subject": mark("Subject"), "text": mark("Text"), "html": mark("Mail (HTML)")}
LONGEST_SEARCH = 200


BY_NAME = Cursor(str)
NAMES, VERSIONS = 50, 20
"""Rows of a page, of texts and of the versions of one."""


@dataclass(frozen=True)
class Listed:
    """A text in the list: its version in force (0: the file's), its languages, and when it last went out in any of them."""

    template: Template
    languages: Sequence[str]
    last_used_at: datetime | None


@dataclass(frozen=True)
class Language:
    """A language of a text: how it is written there (`number` 0: by its file; None: not at all), and when it last went out."""

    locale: str
    number: int | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class Current:
    """A text in a language with all that its page says of it. `notion`: the page of Notion that takes its place.

    `file` is the repository's text, in the language in which there is one where `has_file` is false; `now` is what goes out.
    `number` is that after which the next version comes; 0 where nobody has edited it.
    """

    file: Template
    now: Template
    number: int
    has_file: bool
    notion: TemplateCopy | None

    @property
    def locale(self) -> str:
        """The language whose versions these are."""
        return self.file.locale

    def wording(self, row: TextVersion | None) -> Wording:
        """The words of a version; those of none, and of one that follows the file, are the file's."""
        return Wording.of(self.file if row is None or row.is_file else row)


@router.get("/console/texts")
def texts(request: Request, q: Annotated[str, Query(max_length=60)] = "", after: str | None = None) -> Response:
    """All texts by name, or those whose name has a part; a page of them."""
    in_files = templates.by_name()
    every = [name for name in in_files if q.strip().lower() in name]
    (start,) = BY_NAME.place(after) if after else ("",)
    left = [name for name in every if name > start]
    names = left[:NAMES]
    with reading() as session:
        used, written = text_uses.last(session, names), text_versions.written_in(session)
        listed = [_listed(session, name, {*in_files[name], *written.get(name, ())}, used) for name in names]
    more = listing.address(request, after=BY_NAME.text(names[-1])) if len(left) > NAMES else None
    facts: dict[str, Any] = {"listed": listed, "q": q.strip(), "total": len(every), "more": more, "after": after}
    return pages.render(request, "console/texts.html", here="texts", heading=mark("Texts"), **facts)


def _listed(session: Session, name: str, languages: set[str], used: Mapping[tuple[str, str], datetime]) -> Listed:
    moments = [at for (called, _locale), at in used.items() if called == name]
    return Listed(template_sources.load(name, session=session), sorted(languages), max(moments, default=None))


@router.get("/console/texts/{name}")
def text(
    request: Request,
    name: str,
    locale: Locale = "es",
    person: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "",
    after: str | None = None,
) -> Response:
    """One text: as it is received, by its sample or by what is known of a person, with addresses masked; and its versions."""
    with reading() as session:
        current = found(session, name, locale)
        reader = text_readers.find(session, current.now, person) if person.strip() else None
        page = listing.page(session, text_versions.history(current.file), TextVersion.number, after, VERSIONS)
        uses = text_uses.of(session, current.file, {0, *(row.number for row in page.rows)})
        in_languages = _languages(session, name)
        session.expunge_all()
    values = masking.masked(reader.values) if reader is not None else {}
    facts: dict[str, Any] = {
        "current": current,
        "text": current.now,
        "page": page,
        "uses": uses,
        "in_languages": in_languages,
        "reader_of_it": reader,
        "person": person.strip(),
        "needed": sorted(text_checks.needed(current.now)),
        "optional": sorted(templates.optional(current.now)),
        "rendered": filled(current.now, values),
        "journeys": text_readers.journeys_with(name),
        "locale": current.locale,
        "after": after,
        "more": listing.address(request, after=page.next) if page.next else None,
    }
    return pages.render(request, "console/text.html", here="texts", heading=name, **facts)


def _languages(session: Session, name: str) -> list[Language]:
    """Those in which a text is written, and those in which it could be."""
    in_files, used = templates.by_name()[name], text_uses.last(session, [name])
    every = sorted({*in_files, *get_args(Locale), *text_versions.written_in(session).get(name, ())})
    versions = {locale: text_versions.in_force(in_language(name, locale), session).version for locale in every}
    return [
        Language(locale, versions[locale] or (0 if locale in in_files else None), used.get((name, locale))) for locale in every
    ]


@router.get("/console/texts/{name}/shown")
def shown(name: str, locale: Locale = "es", person: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "") -> Response:
    """The mail by itself, for the frame of its page: nothing runs in it, whoever wrote it."""
    with reading() as session:
        current = found(session, name, locale)
        reader = text_readers.find(session, current.now, person) if person.strip() else None
    rendered = filled(current.now, masking.masked(reader.values) if reader is not None else {})
    return HTMLResponse(rendered.html or "", headers=pages.HEADERS | FRAMED)


@router.get("/console/texts/{name}/versions/{number}")
def version(request: Request, name: str, number: int, locale: Locale = "es") -> Response:
    """One version, with its difference from the one before it and from what goes out now."""
    with reading() as session:
        current = found(session, name, locale)
        row = text_versions.numbered(session, current.file, number)
        before = text_versions.numbered(session, current.file, number - 1)
        session.expunge_all()
    if row is None:
        raise RefusedError(404, "no-such-version", mark("This text has no such version."))
    wording = current.wording(row)
    facts: dict[str, Any] = {
        "current": current,
        "row": row,
        "wording": wording,
        "titles": TITLES,
        "since": changes(current.wording(before), wording),
        "until_now": changes(wording, Wording.of(current.now)),
    }
    return pages.render(request, "console/text_version.html", here="texts", heading=name, **facts)


def found(session: Session, name: str, locale: str) -> Current:
    """A text in a language.

    Raises:
        RefusedError: 404, there is none of that name.
    """
    file = in_language(name, locale)
    has_file = locale in templates.by_name()[name]
    newest = text_versions.newest(session, file)
    return Current(
        file=file,
        now=text_versions.in_force(file, session) if has_file else template_sources.load(name, locale, session=session),
        number=newest.number if newest else 0,
        has_file=has_file,
        notion=notion_templates.copy_of(session, file),
    )


def in_language(name: str, locale: str) -> Template:
    """The repository's text as what is written in a language begins with: its file there, else that of another language.

    Raises:
        RefusedError: 404, there is none of that name.
    """
    if name not in templates.by_name():
        raise RefusedError(404, "no-such-template", mark("There is no such text."))
    return replace(template_sources.of_repository(name, locale), locale=locale)


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
