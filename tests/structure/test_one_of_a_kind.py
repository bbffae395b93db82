"""What a process may have once only is made by `made_once`: `functools.cache` makes several where threads ask together."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.structure.modules import tree

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py"))
CACHES = {"cache", "lru_cache"}
ONE_OF_A_KIND = ("Client", "Connection", "Engine", "Lock", "Session", "Service", "Pool")


def wrongly_kept(parsed: ast.AST) -> Iterator[str]:
    """Functions that keep, by a cache, something that is more than a value."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.FunctionDef) and node.returns is not None and CACHES & set(decorators(node)):
            kind = ast.unparse(node.returns).strip("'\"").rpartition(".")[2]
            if kind.endswith(ONE_OF_A_KIND):
                yield f"{node.name} -> {kind}"


def decorators(node: ast.FunctionDef) -> Iterator[str]:
    """Their bare names."""
    for one in node.decorator_list:
        called = one.func if isinstance(one, ast.Call) else one
        yield ast.unparse(called).rpartition(".")[2]


def test_no_cache_makes_what_there_may_be_one_of() -> None:
    """Engines, clients, connections, locks."""
    found = [f"{path.relative_to(ROOT)}: {one}" for path in SOURCES for one in wrongly_kept(tree(path))]
    assert found == []


def test_the_search_finds_the_mistake() -> None:
    """With and without arguments, by either name; a cache of values is none."""
    parsed = ast.parse(
        "@lru_cache(maxsize=1)\ndef a() -> Engine: ...\n"
        "@functools.cache\ndef b(x) -> 'threading.Lock': ...\n"
        "@cache\ndef c() -> frozenset[str]: ...\n"
        "@made_once()\ndef d() -> Engine: ...\n"
    )
    assert list(wrongly_kept(parsed)) == ["a -> Engine", "b -> Lock"]
