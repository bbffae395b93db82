"""What compiles for SQLite alone: found in the source, as not every statement runs in a test that compiles it for Azure SQL."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.structure.modules import tree

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("functions", "shared", "deploy", "local") for path in (ROOT / folder).rglob("*.py"))


def comparisons_by_is(parsed: ast.AST) -> Iterator[ast.Call]:
    """Calls of `is_` and `is_not`, which write IS, with anything but None."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"is_", "is_not", "isnot"}:
            argument = node.args[0] if node.args else None
            if not (isinstance(argument, ast.Constant) and argument.value is None):
                yield node


def test_is_compares_with_null_alone() -> None:
    """T-SQL has no `IS 0`: a bit is written `column` or `~column`, which compile to `= 1` and `= 0`."""
    found = [f"{path.relative_to(ROOT)}:{node.lineno}" for path in SOURCES for node in comparisons_by_is(tree(path))]
    assert found == []


def test_the_search_finds_the_mistake() -> None:
    """`is_(False)` is found wherever it stands, `is_(None)` is not."""
    parsed = ast.parse("query.where(Row.lifted.is_(False), Row.until.is_(None), Row.until.is_not(None))")
    assert [ast.unparse(node) for node in comparisons_by_is(parsed)] == ["Row.lifted.is_(False)"]
