"""The glossary names modules that there are, and other pages lead to it."""

import re

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs/glossary.md"
# What test_plain_words.py keeps out of the code; in documents a call may be listened to.
IN_PAGES = re.compile(r"\b(ears?|owes?|owed|guilty|sheltered|strayed|cared for)\b", re.IGNORECASE)
ROWS = re.findall(r"^\| ([a-z][a-z ,-]*) \| (.+) \| `([^`]+)` \|$", PAGE.read_text(), flags=re.MULTILINE)


def test_glossary_has_every_term_once() -> None:
    """Each term has one meaning, and no row of the tables is left unread here."""
    terms = [term for term, _meaning, _module in ROWS]
    assert len(terms) == len(set(terms)) == PAGE.read_text().count("\n| ") - 3


@pytest.mark.parametrize(("term", "module"), [(term, module) for term, _meaning, module in ROWS])
def test_term_names_the_module_where_it_lives(term: str, module: str) -> None:
    """A module that is moved or renamed is moved or renamed in the glossary, too."""
    assert (ROOT / module).exists(), term


def test_documents_are_plain() -> None:
    """So do the pages for people, but for the glossary, which names the words that are not used."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    found = {page.name: IN_PAGES.findall(page.read_text()) for page in pages if page.name != "glossary.md"}
    assert len(found) > 20
    assert {page: words for page, words in found.items() if words} == {}


@pytest.mark.parametrize("page", ["README.md", "docs/design.md"])
def test_newcomers_find_the_glossary(page: str) -> None:
    """The pages that are read first link to it."""
    assert "glossary.md)" in (ROOT / page).read_text()
