"""A page of the console: its template, in the language and zone of whoever looks, in the frame that all pages share.

Templates stand in the folders `pages/` of the flows that declare `has_pages`, and are named `<flow>/<file>`; the frame's own
are `frame.html` and the macros of `parts.html`. Every text of theirs goes through `_()`.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, partial
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup, escape

from shared import clock, flows, page_headers
from shared.console import faults, masking, navigation, phrases, session, words
from shared.console.identity import Operator
from shared.console.moments import Reader
from shared.console.navigation import Entry
from shared.console.settings import ConsoleSettings
from shared.errors import PermanentError, RefusedError
from shared.journeys import load
from shared.journeys.talks import question
from shared.outbox import actions
from shared.settings import get_settings, settings_of
from shared.store.models import Delivery
from shared.store.session import reading

LANGUAGE_COOKIE, ZONE_COOKIE, THEME_COOKIE = "puente_language", "puente_zone", "puente_theme"
THEMES = ("light", "dark")
SHORT_TEXT = 100
TYPED = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]+\]\(([\w-]+\.md)[^)]*\)")
"""In what flows declare, which `make docs` writes into pages of `docs/`."""
HEADERS = page_headers.EVERYWHERE | {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}


def render(request: Request, template: str, status: int = 200, /, **facts: Any) -> Response:
    """The page that `template` makes of `facts`; of the navigation it shows the entry named `here`.

    `heading` names the page in the browser, in English or as what it is about is called.

    Raises:
        ValueError: a fact has the name of one of the frame's, and would take its place there.
    """
    reader = reader_of(request)
    environment, frame = _environment(reader.language), _frame(request, reader)
    if taken := sorted(facts.keys() & frame.keys()):
        raise ValueError(f"{template}: these names are the frame's: {', '.join(taken)}")
    facts |= {"heading": words.translations(reader.language).gettext(facts["heading"])}
    text = environment.get_template(template).render({"here": "", **frame, **facts})
    return HTMLResponse(text, status, headers=dict(HEADERS))


def refusal(request: Request, error: RefusedError) -> Response:
    """The page that says why something was not done, and what is safe all the same."""
    phrase = HTTPStatus(error.status).phrase
    title = words.of_refusal(reader_of(request).language, error)
    return render(request, "refusal.html", error.status, error=error, title=title, phrase=phrase, heading=title)


def declared(request: Request, context: str, text: str) -> str:
    """What a declaration says, in the language of whoever asks for the page; as it is written where it has no translation."""
    return words.declared(reader_of(request).language, context, text) or text


def operator_of(request: Request) -> Operator:
    """Whoever asks for the page."""
    operator: Operator = request.state.operator
    return operator


def reader_of(request: Request) -> Reader:
    """Language and zone of whoever asks: as they chose, else as their browser says, else those of the settings."""
    language = words.chosen(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))
    return Reader(language, _zone(request.cookies.get(ZONE_COOKIE, "")), clock.now())


def _zone(name: str) -> ZoneInfo:
    """The zone of that name, else DEFAULT_TIME_ZONE."""
    try:
        return ZoneInfo(name[:SHORT_TEXT].replace("%2F", "/"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(get_settings().default_time_zone)


def _frame(request: Request, reader: Reader) -> Mapping[str, Any]:
    """What the frame of every page shows. Before somebody has signed in it shows nothing of the record."""
    operator = getattr(request.state, "operator", None)
    signing = get_settings().link_signing_secrets
    theme = request.cookies.get(THEME_COOKIE)
    listed: tuple[Entry, ...] = navigation.entries() if operator else ()
    return {
        "reader": reader,
        "operator": operator,
        "theme": theme if theme in THEMES else None,
        "title_of_owner": settings_of(ConsoleSettings).console_title,
        "token": session.form_token(request.state.session_id, signing) if operator and signing else "",
        "entries": listed,
        "groups": navigation.GROUPS,
        "counts": _counts(listed),
        "languages": words.LANGUAGES,
        "sign_in": session.SIGN_IN,
        "path": request.url.path,
        "address": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
    }


def _counts(listed: tuple[Entry, ...]) -> Mapping[str, navigation.Count]:
    if not listed:
        return {}
    with reading() as opened:
        return navigation.counts.of(opened, listed)


def as_json(value: Any) -> str:
    """JSON to be read by people: in lines, with letters as they are; it is escaped where it is shown."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def most_attempts(delivery: Delivery) -> int | str:
    """After how many attempts a delivery is given up; `?` where nothing deployed knows its action any more."""
    action = actions.find(delivery.target, delivery.action)
    return "?" if isinstance(action, PermanentError) else action.retry.max_attempts


def _detail(language: str, text: str) -> Markup:
    """What an error of ours says besides: in the language of the page; marked as English where it is no sentence of ours."""
    translated = phrases.in_words(language, text)
    if translated is None and language != words.CODE:
        return Markup('<span lang="{}">{}</span>').format(words.CODE, text)
    return escape(translated or text)


def _journey_title(language: str, name: str) -> str:
    """The title of the journey of that name; the name itself, where it is installed no more."""
    titles = {one.name: one.title for one in (*load.definitions().values(), question.flow())}
    return (words.declared(language, words.JOURNEY, titles[name]) or titles[name]) if name in titles else name


def _declared(language: str, context: str, text: str) -> Markup:
    """What a declaration says, in the language of the page; marked as English where it is that, and has no translation."""
    translated = words.declared(language, context, text)
    if translated is None and language != words.CODE and context != words.JOURNEY:
        return Markup('<span lang="{}">{}</span>').format(words.CODE, _read(text))
    return _read(translated or text)


def _read(text: str) -> Markup:
    """A declaration's text without its Markdown: what is typed stands as code, a link to a document is the document's path."""
    pieces = TYPED.split(LINK.sub(r"docs/\1", text))
    return Markup().join(Markup("<code>{}</code>").format(one) if at % 2 else escape(one) for at, one in enumerate(pieces))


@cache
def _environment(language: str) -> Environment:
    """Templates in one language. Everything is escaped, and a name that a template misspells is an error."""
    of_flows: dict[str, BaseLoader] = {
        flow: FileSystemLoader(folder) for flow, folder in flows.folders_by_flow("pages").items()
    }
    environment = Environment(
        loader=ChoiceLoader([PrefixLoader(of_flows), FileSystemLoader(words.OWN)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.filters["json"] = as_json
    environment.filters["masked"] = masking.masked_text
    environment.filters["known_as"] = masking.masked_name
    environment.globals["most_attempts"] = most_attempts
    environment.globals["say"] = partial(words.in_words, language)
    environment.globals["declared"] = partial(_declared, language)
    environment.globals["flow_title"] = partial(words.flow_title, language)
    environment.globals["journey_title"] = partial(_journey_title, language)
    environment.globals["detail"] = partial(_detail, language)
    environment.globals["term"] = partial(phrases.shown, language)
    environment.globals["field_in_words"] = partial(faults.field_in_words, language)
    environment.globals["fault_in_words"] = partial(faults.in_words, language)
    environment.globals["of_refusal"] = partial(words.of_refusal, language)
    environment.install_gettext_translations(words.translations(language), newstyle=True)  # type: ignore[attr-defined]
    return environment
