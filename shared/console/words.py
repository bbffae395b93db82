"""The console's words in the language of whoever looks: English in the code, other languages in `pages/<language>.po`.

Each folder of pages may have catalogues of its own; they are read together. What a catalogue lacks is shown in English (a test
asks that nothing is lacking).
"""

import io
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared import flows

OWN = Path(__file__).parent / "pages"
LANGUAGES = {"es": "Español", "en": "English"}
DEFAULT = "es"


def mark(text: str) -> str:
    """`text`, which is shown in the reader's language later: so that the catalogues' check finds it."""
    return text


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
