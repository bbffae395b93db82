"""The places in the code that take a lock: each call of `locked`, `held` or `unclaimed`, by the name of what it stands in."""

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Select

from shared.outbox import claims
from shared.store import dialect
from tests.structure.modules import name_of, sources, tree

HELPERS = ("locked", "held", "unclaimed")


def sites() -> list[str]:
    """Every place as "module:function", or "module:CONSTANT" where the statement is put together once."""
    found = {site for path in sources() for site in _sites(name_of(path), tree(path))}
    return sorted(found - {f"{dialect.__name__}:{name}" for name in HELPERS})


def _sites(module: str, parsed: ast.Module) -> Iterator[str]:
    for statement in parsed.body:
        yield from (f"{module}:{name}" for name in _within(statement, ()))


def _within(node: ast.AST, names: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        names = (*names, node.name)
    elif isinstance(node, ast.Assign) and not names and isinstance(node.targets[0], ast.Name):
        names = (node.targets[0].id,)
    if isinstance(node, ast.Call) and _called(node) in HELPERS:
        yield ".".join(names)
    for child in ast.iter_child_nodes(node):
        yield from _within(child, names)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def mark(patch: pytest.MonkeyPatch, site: str, *, with_lock: bool) -> None:
    """Let the statement that is put together at a place bear its name as the option `lab_site`, with or without its lock."""
    module = importlib.import_module(site.partition(":")[0])
    name = site.partition(":")[2]
    prepared = getattr(module, name, None)
    if isinstance(prepared, Select):
        patch.setattr(module, name, _marked(prepared if with_lock else _bare(prepared), site))
    for helper in HELPERS:
        for holder in (dialect, module):
            if hasattr(holder, helper):
                patch.setattr(holder, helper, _marking(REAL[helper], site, with_lock))
    claims._next.cache_clear()


REAL: dict[str, Callable[..., Any]] = {helper: getattr(dialect, helper) for helper in HELPERS}


def _marking(real: Callable[..., Any], site: str, with_lock: bool) -> Callable[..., Any]:  # noqa: FBT001  # as `mark` has it
    def call(query: Any, model: Any) -> Any:
        caller = sys._getframe(1)
        if f"{caller.f_globals['__name__']}:{caller.f_code.co_qualname.replace('<locals>.', '')}" != site:
            return real(query, model)
        return _marked(real(query, model) if with_lock else query, site)

    return call


def _marked(query: Select[Any], site: str) -> Select[Any]:
    return query.execution_options(lab_site=site)


def _bare(query: Select[Any]) -> Select[Any]:
    """The same statement without the hints and the clause that lock."""
    bare = query._clone()
    bare._hints, bare._for_update_arg = type(query._hints)(), None
    return bare
