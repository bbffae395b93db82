"""Conditions of journeys: a small part of Python's expressions over facts, with no calls and no way out of the facts.

    result.call in ["no-answer", "busy"] and not person.unsubscribed
    data.amount >= 100 or data.segment == "CRITICAL"

Known are `and`, `or`, `not`, comparisons, `in`, texts, numbers, true, false, none, lists, and names with dots. A fact that is
not there is `none`; a comparison of things that have no order is false.
"""

import ast
import copy
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

ROOTS = ("person", "data", "result")
WORDS = {"true": True, "false": False, "none": None}
LONGEST = 500
DEEPEST = 40

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}


class ExpressionError(ValueError):
    """The condition is not one; the message says what is wrong and what to write instead."""


def evaluate(text: str, facts: Mapping[str, Any]) -> bool:
    """Whether the condition holds for `facts` (`person`, `data`, `result`).

    Raises:
        ExpressionError: it is no condition; `check` finds that when the definition is loaded.
    """
    return bool(_value(_parsed(text), facts))


def facts_of(data: Mapping[str, Any], results: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The facts that conditions ask about, from the data of a person and the results of steps."""
    return {"person": data, "data": data, "result": results or {}}


def check(text: str) -> set[str]:
    """The names of the facts that the condition asks for, with dots; an error where it is no condition.

    Raises:
        ExpressionError: what is wrong, and the remedy.
    """
    names: set[str] = set()
    _walk(_parsed(text), names, 0)
    return names


def with_results_of(text: str, names: Mapping[str, str]) -> str:
    """The condition, asking for the results of other steps: of those that `names` has for each."""

    class Renamed(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # the name that `ast` looks for
            path = _path(node)
            if path[0] == "result" and path[1] in names and len(path) == 2:  # noqa: PLR2004  # the root and the step
                return ast.copy_location(ast.Attribute(node.value, names[path[1]], node.ctx), node)
            return self.generic_visit(node)

    return ast.unparse(Renamed().visit(copy.deepcopy(_parsed(text))))


@lru_cache(maxsize=512)
def _parsed(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ExpressionError(f"a condition has at most {LONGEST} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        example = 'for example: result.call == "busy"'
        raise ExpressionError(f"{text!r} cannot be read as a condition; {example}") from None


def _walk(node: ast.expr, names: set[str], depth: int) -> None:
    """Collect the names, and refuse whatever `_value` could not evaluate."""
    if depth > DEEPEST:
        raise ExpressionError("the condition is nested too deeply")
    if isinstance(node, ast.Name | ast.Attribute):
        if (name := ".".join(_path(node))) not in WORDS:
            names.add(name)
        return
    for part in _parts(node):
        _walk(part, names, depth + 1)


def _parts(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BoolOp():
            return node.values
        case ast.UnaryOp(op=ast.Not()):
            return [node.operand]
        case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
            return [node.left, *node.comparators]
        case ast.List() | ast.Tuple():
            return node.elts
        case ast.Constant() if isinstance(node.value, str | int | float | bool | None):
            return []
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return []
    raise ExpressionError(f"{ast.unparse(node)!r} is not allowed; use and, or, not, comparisons, in, texts, numbers, lists")


def _path(node: ast.expr) -> list[str]:
    """The parts of a dotted name."""
    if isinstance(node, ast.Attribute):
        return [*_path(node.value), node.attr]
    if isinstance(node, ast.Name) and (node.id in ROOTS or node.id in WORDS):
        return [node.id]
    raise ExpressionError(f"{ast.unparse(node)!r} is no fact; names begin with {', '.join(f'{root}.' for root in ROOTS)}")


def _value(node: ast.expr, facts: Mapping[str, Any]) -> Any:  # noqa: PLR0911  # one line for each kind of part
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(_value(part, facts) for part in node.values)
        case ast.BoolOp():
            return any(_value(part, facts) for part in node.values)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, facts)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Compare():
            return _compared(node, facts)
        case ast.List() | ast.Tuple():
            return [_value(part, facts) for part in node.elts]
        case ast.Constant():
            return node.value
    return _fact(_path(node), facts)


def _compared(node: ast.Compare, facts: Mapping[str, Any]) -> bool:
    values = [_value(part, facts) for part in (node.left, *node.comparators)]
    try:
        return all(_COMPARE[type(op)](one, two) for op, one, two in zip(node.ops, values, values[1:], strict=False))
    except TypeError:  # none < 3, or `in` something that holds nothing
        return False


def _fact(path: list[str], facts: Mapping[str, Any]) -> Any:
    if path[0] in WORDS:
        return WORDS[path[0]]
    value: Any = facts
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
