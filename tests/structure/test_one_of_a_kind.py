"""What a process may have once only is made by `made_once`: `functools.cache` makes several where threads ask together."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py"))
CACHES = {"cache", "lru_cache"}
ONE_OF_A_KIND = ("Client", "Connection", "Engine", "Lock", "Session", "Service", "Pool")


def wrongly_kept(tree: ast.AST) -> Iterator[str]:
    """Functions that keep, by a cache, something that is more than a value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.returns is not None and CACHES & set(decorators(node)):
            kind = ast.unparse(node.returns).strip("'\"").rpartition(".")[2]
            if kind.endswith(ONE_OF_A_KIND):
                yield f"{node.name} -> {kind}"


def decorators(node: ast.FunctionDef) -> Iterator[str]:
    """Their bare names."""
    for one in node.decorator_list:
        called = one.func if isinstance(one, ast.Call) else one
        yield ast.unparse(called).rpartition(".")[2]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_cache_makes_what_there_may_be_one_of(path: Path) -> None:
    """Engines, clients, connections, locks."""
    assert list(wrongly_kept(ast.parse(path.read_text()))) == []


def test_the_search_finds_the_mistake() -> None:
    """With and without arguments, by either name; a cache of values is none."""
    tree = ast.parse(
        "@lru_cache(maxsize=1)\ndef a() -> Engine: ...\n"
        "@functools.cache\ndef b(x) -> 'threading.Lock': ...\n"
        "@cache\ndef c() -> frozenset[str]: ...\n"
        "@made_once()\ndef d() -> Engine: ...\n"
    )
    assert list(wrongly_kept(tree)) == ["a -> Engine", "b -> Lock"]
