"""The console's words in the language of whoever looks: English in the code, other languages in `pages/<language>.po`.

Each folder of pages may have catalogues of its own; they are read together. What a catalogue lacks is shown in English (a test
asks that nothing is lacking). A refusal is found by its own sentence, or else by its reason, in the context REFUSAL: the
sentences of the REST API name ids and states, and are English.
Sentences of the engine, which are kept in English, are in the context PHRASE (`shared.console.phrases`).

What flows declare (FLOW: titles and descriptions, SETTING: what settings mean, FIELD: members of their webhooks) is found in
those contexts, and so are the titles and descriptions of journeys (JOURNEY). These may be written in any language, as their
authors speak it: so the language of the code has catalogues too, of theirs alone. A flow that brings no catalogue is shown as
it is written.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared import flows
from shared.errors import RefusedError

OWN = Path(__file__).parent / "pages"
LANGUAGES = {"es": "Español", "en": "English"}
DEFAULT = "es"
CODE = "en"
"""The language that the code is written in."""
REFUSAL = "refusal"
FLOW, SETTING, FIELD, JOURNEY, PHRASE = "flow", "setting", "field", "journey", "phrase"
PUT_TOGETHER = (
    *("already-open", "already-retried", "too-late", "odoo-no-answer", "odoo-failed"),
    *("delivery-sending", "delivery-done", "delivery-cancelled", "delivery-skipped", "delivery-shadowed"),
)
"""Reasons of refusals that no call of RefusedError names as such."""


@dataclass(frozen=True)
class Counted:
    """A sentence that counts something, `%(count)s`: as it is for one, and for any other number."""

    one: str
    many: str


type Sentence = str | Counted


class Word(str):
    """A value of a sentence that is itself shown in the reader's language (`in_words`)."""

    __slots__ = ()


class FlowName(str):
    """A value of a sentence that names a flow: its title is shown, in the reader's language."""

    __slots__ = ()


def mark(text: str) -> str:
    """`text`, which is shown in the reader's language later: so that the catalogues' check finds it."""
    return text


def mark_counted(one: str, many: str) -> Counted:
    """The same for a sentence that counts something."""
    return Counted(one, many)


def in_words(language: str, sentence: Sentence, values: Mapping[str, Any]) -> str:
    """A marked sentence in a language, with `values` for its names; which form it has says `values["count"]`."""
    known = translations(language)
    values = {name: _shown(language, each) for name, each in values.items()}
    if isinstance(sentence, Counted):
        return known.ngettext(sentence.one, sentence.many, values["count"]) % values
    return known.gettext(sentence) % values


def _shown(language: str, value: Any) -> Any:
    if isinstance(value, FlowName):
        return flow_title(language, value)
    return translations(language).gettext(value) if isinstance(value, Word) else value


def flow_title(language: str, name: str) -> str:
    """The title of the flow of that name, in a language; the name itself, where no such flow is installed."""
    title = next((one.title for one in flows.installed() if one.name == name), None)
    return name if title is None else declared(language, FLOW, title) or title


def of_refusal(language: str, error: RefusedError) -> str:
    """What a refusal says: its own sentence where that is translated, else the one of its reason, else what it says itself."""
    known = translations(language)
    own, of_reason = known.gettext(error.title), known.pgettext(REFUSAL, error.reason)
    return own if language == CODE or own != error.title or of_reason == error.reason else of_reason


def declared(language: str, context: str, text: str) -> str | None:
    """A declaration's text in a language; None where no catalogue of that language has it."""
    found = catalogue(language).get(text, context)
    return str(found.string) if found is not None and found.string else None


@cache
def catalogue(language: str) -> Catalog:
    """The words of a language, of all folders of pages together."""
    together = Catalog(locale=language)
    for file in (folder / f"{language}.po" for folder in (OWN, *flows.folders("pages"))):
        if file.is_file():
            with file.open("rb") as opened:
                for message in read_po(opened, locale=language):
                    if message.id:
                        together.add(message.id, message.string, context=message.context)
    return together


@cache
def translations(language: str) -> NullTranslations:
    """The same, as gettext uses them."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def chosen(cookie: str | None, accepted: str) -> str:
    """The language to speak: the one that was chosen, else the browser's first that there is, else Spanish.

    `accepted` is `Accept-Language`; its weights are read, so that `en;q=0.3, es` is Spanish.
    """
    if cookie in LANGUAGES:
        return str(cookie)
    wanted = sorted(filter(None, map(_weighed, accepted[:500].split(","))), key=lambda each: -each[0])
    return next((language for _weight, language in wanted if language in LANGUAGES), DEFAULT)


def _weighed(part: str) -> tuple[float, str] | None:
    tag, _, weight = part.partition(";")
    language = tag.strip().lower().partition("-")[0]
    try:
        value = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
    except ValueError:
        return None
    return (value, language) if value > 0 else None
