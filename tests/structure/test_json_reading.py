"""Whoever expects that a text may be no JSON expects brackets by the thousand as well: Python raises another error for them."""

import ast
from collections.abc import Iterator

import pytest

from tests.structure.modules import name_of, sources, tree


def _caught(handler: ast.ExceptHandler) -> set[str]:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {kind.id for kind in kinds if isinstance(kind, ast.Name)}


def _reads_json(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "loads" and ast.unparse(node) == "json.loads"


def _halves(parsed: ast.AST) -> Iterator[int]:
    """The lines of what catches a text that is no JSON and lets one through that is nested too deeply."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.Try) and any(_reads_json(part) for one in node.body for part in ast.walk(one)):
            caught = set().union(*map(_caught, node.handlers))
            if "ValueError" in caught and "RecursionError" not in caught:
                yield node.lineno


@pytest.mark.slow
def test_what_is_nested_too_deeply_is_no_json_either() -> None:
    """A message, a dead letter, an answer: each comes from outside, and one of them must not stop a handler or an erasure."""
    found = [f"{name_of(path)}:{line}" for path in sources() for line in _halves(tree(path))]
    assert found == []


def test_the_search_finds_the_mistake() -> None:
    """Also among several errors, and not where both are caught."""
    text = "try:\n    json.loads(a)['b']\nexcept (KeyError, ValueError{more}):\n    pass\n"
    assert list(_halves(ast.parse(text.format(more="")))) == [1]
    assert list(_halves(ast.parse(text.format(more=", RecursionError")))) == []
