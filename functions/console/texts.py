"""Texts: every template with its variables and how it looks to whoever gets it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from shared.console import pages
from shared.console.navigation import Entry
from shared.console.routes import ConsoleRoute
from shared.console.words import mark
from shared.errors import PermanentError, RefusedError
from shared.messages import preview, template_sources, templates
from shared.messages.templates import Template

router = APIRouter(route_class=ConsoleRoute)
ENTRY = Entry(name="texts", title=mark("Texts"), path="/console/texts", group="going-out", icon="text", place=3)

Locale = Literal["es", "en"]
FRAMED = {"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": f"{preview.POLICY}; frame-ancestors 'self'"}


@router.get("/console/texts")
def texts(request: Request, q: Annotated[str, Query(max_length=60)] = "") -> Response:
    """All texts by name, or those whose name has a part."""
    names = [name for name in templates.names() if q.strip().lower() in name]
    return pages.render(request, "console/texts.html", here="texts", heading=mark("Texts"), names=names, q=q.strip())


@router.get("/console/texts/{name}")
def text(request: Request, name: str, locale: Locale = "es") -> Response:
    """One text: as it is received, with its sample, and the variables that it takes."""
    template = _loaded(name, locale)
    facts: dict[str, Any] = {
        "text": template,
        "variables": sorted(templates.variables(template)),
        "optional": templates.optional(template),
        "rendered": _filled(template),
        "locale": locale,
    }
    return pages.render(request, "console/text.html", here="texts", heading=name, **facts)


@router.get("/console/texts/{name}/shown")
def shown(name: str, locale: Locale = "es") -> Response:
    """The mail by itself, for the frame of its page: nothing runs in it, whoever wrote it."""
    rendered = _filled(_loaded(name, locale))
    return HTMLResponse(rendered.html or "", headers=pages.HEADERS | FRAMED)


def _loaded(name: str, locale: str) -> Template:
    if name not in templates.names():
        raise RefusedError(404, "no-such-template", mark("There is no such text."))
    return template_sources.load(name, locale)


def _filled(template: Template) -> templates.Rendered:
    try:
        return preview.fill(template, {})
    except PermanentError as error:
        raise RefusedError(
            422, error.reason, mark("The text cannot be filled in with its sample."), detail=str(error)
        ) from error
