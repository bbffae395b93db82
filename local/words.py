"""`python -m local.words`: bring the console's catalogues in step with its texts.

Texts that a catalogue lacks are added with an empty translation, those that nobody says any more go. Each folder of pages has
catalogues of its own, `pages/<language>.po`; texts of `shared/console` stand in the frame's.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from shared import flows
from shared.console import words

ROOT = Path(__file__).resolve().parents[1]
CALLS = {"_": None, "gettext": None, "ngettext": (1, 2), "mark": None}
PAGES = ("**.html", "jinja2.ext:babel_extract")
OF_THE_CONSOLE = [("**.py", "python"), PAGES]
OF_OTHER_FLOWS = [("console.py", "python"), PAGES]  # elsewhere `mark` may be any function
OPTIONS = {"**.html": {"trimmed": "true", "extensions": "jinja2.ext.do", "silent": "false"}}
LINE = 120

type Text = str | list[str] | tuple[str, ...]


def folders() -> dict[Path, Path]:
    """Each folder of code with pages, and the folder of its catalogues."""
    of_flows = {pages.parent: pages for pages in flows.folders("pages")}
    return {words.OWN.parent: words.OWN} | of_flows


def said(folder: Path) -> Iterator[tuple[str, Text]]:
    """Every text in the code and the pages of a folder, with where it stands."""
    methods = OF_THE_CONSOLE if folder.name == "console" else OF_OTHER_FLOWS
    for file, line, text, _comments, _context in extract_from_dir(str(folder), methods, OPTIONS, CALLS):
        yield f"{folder.relative_to(ROOT).as_posix()}/{file}:{line}", text


def key(text: Text) -> str:
    """By what a catalogue finds a text: the form for one, where it counts something."""
    return text if isinstance(text, str) else text[0]


def bring_in_step(language: str) -> int:
    """Write the catalogues of a language anew; how many of their texts have no translation."""
    lacking = 0
    for code, pages in folders().items():
        file, catalogue = pages / f"{language}.po", Catalog(locale=language, fuzzy=False)
        known = {}
        if file.is_file():
            with file.open("rb") as opened:
                known = {key(message.id): message.string for message in read_po(opened, locale=language) if message.id}
        for _where, text in said(code):
            given = known.get(key(text), "" if isinstance(text, str) else ("", ""))
            catalogue.add(text, given)
            lacking += not (given and all(given))
        with file.open("wb") as opened:
            write_po(opened, catalogue, width=LINE, omit_header=True, no_location=True)
    return lacking


if __name__ == "__main__":
    for each in sorted(set(words.LANGUAGES) - {"en"}):
        sys.stdout.write(f"{each}: {bring_in_step(each)} texts without a translation\n")
