"""Code speaks the field's words (docs/glossary.md): no metaphor where a transaction, a lock, a lease or an event is meant."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT
from tests.structure.modules import sources, tree

_WORDS = "said told tell tells telling hear hears heard ear ears owe owes owed whos guilty sheltered strayed forgotten"
IN_NAMES = frozenset(_WORDS.split())
IN_PROSE = re.compile(r"\b(ears?|hears?|heard|owes?|owed|guilty|sheltered|strayed|cared for)\b", re.IGNORECASE)
# Names that stand in the database or in stored payloads, where a rename costs more than it gives.
STORED = frozenset(("said_at", "owed_since", "said", "told"))
STORED_IN = ("tables.py", "models.py")


def names(parsed: ast.AST) -> Iterator[str]:
    """Every name that a module gives to something: functions, classes, arguments, variables, attributes, import aliases."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def prose(path: Path) -> Iterator[str]:
    """Every docstring and comment of a module."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield token.string


def of_tests() -> list[Path]:
    """The modules of the test suite, but for this one, which has to name the words."""
    return sorted(path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))


def test_names_are_plain() -> None:
    """A name holds no word of a private language; what is stored under an old name keeps it."""
    found = {path.relative_to(ROOT): _banned(path, tree(path)) for path in sources()}
    assert {path: words for path, words in found.items() if words} == {}


def test_names_in_tests_are_plain() -> None:
    """So do tests. The name of a test is a sentence, in which something may be told; nobody owes or hears there, either."""
    for path in of_tests():
        given = _banned(path, ast.parse(path.read_text(encoding="utf-8")))
        sentences = {name for name in given if name.startswith("test_")}
        assert given - sentences == set(), path
        assert [name for name in sentences if IN_PROSE.search(name.replace("_", " "))] == [], path


def _banned(path: Path, parsed: ast.AST) -> set[str]:
    allowed = STORED if path.name.endswith(STORED_IN) else frozenset(("said_at", "owed_since"))
    given = set(names(parsed)) - allowed
    return {name for name in given if set(name.lower().split("_")) & IN_NAMES}


def test_prose_is_plain() -> None:
    """Docstrings and comments say enqueue and due, listener and notify, in the tests as well."""
    found = {path.relative_to(ROOT): _metaphors(path) for path in [*sources(), *of_tests()]}
    assert {path: words for path, words in found.items() if words} == {}


def _metaphors(path: Path) -> list[str]:
    return [match[0] for text in prose(path) for match in IN_PROSE.finditer(text)]


def test_one_name_is_one_thing() -> None:
    """What was called by one name in several places is told apart: a lead and Kommo's, a delivery's outcome and a message's."""
    nodes = [node for path in sources() for node in tree(path).body]
    found = [node.name for node in nodes if isinstance(node, ast.ClassDef)]
    found += [node.name.id for node in nodes if isinstance(node, ast.TypeAlias)]
    for name in ("Lead", "Kind", "Outcome"):
        assert found.count(name) == 1, name
    assert "Sequence" not in found, "that is the name of a type of Python's"


def test_file_names_are_plain() -> None:
    """A file is named by a noun of the glossary."""
    banned = IN_NAMES | {"door", "who", "hooks", "manual"}
    assert [path.name for path in sources() if set(path.stem.split("_")) & banned] == []
