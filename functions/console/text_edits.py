"""Changing a text: looked at with its difference, published; an earlier version back in force; the file to take away."""

import io
import zipfile
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from functions.console.texts import TITLES, Current, Locale, changes, filled, found
from shared.console import pages
from shared.console.identity import Role
from shared.console.routes import SEE_OTHER, ConsoleRoute, Signed
from shared.console.words import mark
from shared.crm import editing
from shared.errors import RefusedError
from shared.messages import template_sources, templates, text_checks, text_versions
from shared.messages.text_versions import Wording
from shared.store.session import reading

router = APIRouter(route_class=ConsoleRoute)


class ForOperators(ConsoleRoute):
    """A page that only serves to change something: whoever may not change it has no use for it."""

    role = Role.OPERATOR


editing_forms = APIRouter(route_class=ForOperators)

PROJECT = templates.FRAMES.parents[1]
FILES = {"subject": "subject.txt", "text": "body.txt", "html": "body.html"}
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive: the same text gives the same bytes."""
FAULTS = (
    mark("%(name)s is not given to this text; known are: %(known)s"),
    mark("must not be empty"),
    mark("this text has no such part"),
    mark("“%(word)s” is true on one day only; a message may go out on a later one, so name the date instead"),
    mark("marketing says how to leave it: the word %(word)s is missing"),
    mark("has %(number)s characters when it is filled in; %(by)s takes %(most)s"),
    mark("has more than %(most)s characters"),
    mark("cannot be read: %(why)s"),
)
"""What `text_checks` says of a text, for the catalogues."""
IN_NOTION = mark("This text is written in Notion; change it there.")


class Edited(BaseModel):
    """A text as it was typed. `after` is the version that was in force when its page was opened."""

    after: Annotated[int, Field(ge=0)]
    locale: Locale = "es"
    subject: str = ""
    text: str = ""
    html: str = ""
    note: Annotated[str, Field(max_length=200)] = ""
    do: Literal["look", "publish"] = "look"

    @property
    def wording(self) -> Wording:
        """Its words; browsers send the ends of lines as CRLF, and files have LF."""
        subject, text, html = (part.replace("\r\n", "\n") for part in (self.subject, self.text, self.html))
        return Wording(subject=subject.strip(), text=text, html=html)


@editing_forms.get("/console/texts/{name}/edit")
def edit(request: Request, name: str, operator: Signed, locale: Locale = "es") -> Response:
    """The words that go out now, to be changed."""
    with reading() as session:
        current = found(session, name, locale)
        session.expunge_all()
    return _form(request, current, Wording.of(current.now), current.number)


@router.post("/console/texts/{name}/edit")
def look_or_publish(request: Request, name: str, operator: Signed, given: Annotated[Edited, Form()]) -> Response:
    """What changes and how it looks; with `do=publish` it is put in force. A mistake shows the form with what was typed."""
    wording, after, note = given.wording, given.after, given.note.strip()
    with reading() as session:
        current = found(session, name, given.locale)
        session.expunge_all()
    if current.notion is not None:
        raise RefusedError(409, "in-notion", IN_NOTION)
    faults = text_checks.faults(current.file, wording.put_into(current.file, after + 1))
    if faults:
        error = RefusedError(422, "invalid-text", "The text cannot go out like this.", errors=faults)
        return _form(request, current, wording, after, note=note, error=error)
    if given.do != "publish":
        return _form(request, current, wording, after, note=note, is_looked_at=True)
    _changed(lambda opened: text_versions.publish(opened, current.file, wording, after, operator.actor, note))
    return RedirectResponse(f"/console/texts/{name}?locale={current.file.locale}", SEE_OTHER)


@router.post("/console/texts/{name}/restore")
def restore(
    name: str,
    operator: Signed,
    number: Annotated[int, Form(ge=0)],
    after: Annotated[int, Form(ge=0)],
    locale: Annotated[Locale, Form()] = "es",
) -> Response:
    """Put an earlier version in force again, or the file (0)."""
    with reading() as session:
        current = found(session, name, locale)
    if current.notion is not None:
        raise RefusedError(409, "in-notion", IN_NOTION)
    _changed(lambda opened: text_versions.restore(opened, current.file, number, after, operator.actor))
    return RedirectResponse(f"/console/texts/{name}?locale={current.file.locale}", SEE_OTHER)


@router.get("/console/texts/{name}/file")
def file(name: str, locale: Locale = "es") -> Response:
    """The text that goes out now as the repository keeps it: a ZIP to be unpacked at the top of the project."""
    with reading() as session:
        current = found(session, name, locale)
    folder = templates.folder_of(name, template_sources.of_repository(name, locale).locale)
    place = folder.parents[1] / current.now.locale / name
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        meta = (folder / "meta.yaml").read_text(encoding="utf-8")
        parts = {"meta.yaml": meta} | {FILES[part]: getattr(current.now, part) for part in text_checks.PARTS}
        for file_name, words in parts.items():
            if words:
                at = place.relative_to(PROJECT) / file_name
                archive.writestr(zipfile.ZipInfo(str(at), EARLIEST), words if words.endswith("\n") else f"{words}\n")
    headers = pages.HEADERS | {"Content-Disposition": f'attachment; filename="{name}-{current.now.locale}.zip"'}
    return Response(kept.getvalue(), media_type="application/zip", headers=headers)


def _changed(work: Any) -> None:
    """Do it in one transaction; this process sends the new text at once, the others within a minute."""
    editing.committed(work)
    text_versions.forget()


def _form(
    request: Request,
    current: Current,
    wording: Wording,
    after: int,
    *,
    note: str = "",
    error: RefusedError | None = None,
    is_looked_at: bool = False,
) -> Response:
    edited = wording.put_into(current.file, after + 1)
    facts: dict[str, Any] = {
        "current": current,
        "wording": wording,
        "after": after,
        "note": note,
        "error": error,
        "titles": TITLES,
        "needed": sorted(text_checks.needed(current.file)),
        "is_looked_at": is_looked_at,
        "changed": changes(Wording.of(current.now), wording) if is_looked_at else {},
        "rendered": filled(edited, {}) if is_looked_at else None,
    }
    status = 200 if error is None else error.status
    return pages.render(request, "console/text_edit.html", status, here="texts", heading=current.file.name, **facts)


router.include_router(editing_forms)
