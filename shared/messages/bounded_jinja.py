"""Jinja within bounds: a text that somebody writes in Notion or a file may not take a worker's time or memory.

The sandbox of Jinja keeps a text away from Python; it does not keep `{{ 9**9999999 }}`, `{{ "x" * 10**9 }}` or a macro that
calls itself twice from running for minutes. So operators, filters and methods that make something large of something small
are held to bounds, and each filling has a budget: one unit for each character of output, ten for each turn of a loop or macro.
The budget counts and does not look at a clock, so that the same text with the same values always ends the same way.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Template, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST_SOURCE = 200_000  # characters of a text before it is filled in
LONGEST_VALUE = 100_000  # characters or items of what an operator, filter or method makes
MOST_UNITS = 500_000
UNITS_A_TURN = 10
CHARACTERS_A_UNIT = 100  # of what is worked out on the way and not put out
LARGEST_NUMBER = 10**18
LARGEST_EXPONENT = 64
WIDEST = 1_000  # a width, an indent, a number of columns
MOST_NUMBERS = 1_000  # of `range`

TOO_LONG = f"a value has more than {LONGEST_VALUE} characters or items"

_WIDTHS = frozenset(
    {"center", "ljust", "rjust", "zfill", "expandtabs", "indent", "wordwrap", "batch", "slice", "tojson", "round"}
)
_FORMATS = frozenset({"format", "format_map"})
_WIDTH_GIVEN = re.compile(r"\{[^{}]*:[^{}]*\{")  # the width is one of the values
_WIDE_FORMAT = re.compile(r"\d{4}|\*")
_TEXTS = (str, bytes, bytearray)
_left: ContextVar[list[int] | None] = ContextVar("units left", default=None)


class BoundError(SecurityError):
    """The text needs more than it may; the message names the bound."""


def spend(units: int) -> str:
    """Take units from the budget of the filling that is under way; nothing outside of one (constants, when it is compiled).

    Raises:
        BoundError: it is used up.
    """
    budget = _left.get()
    if budget is not None:
        budget[0] -= units
        if budget[0] < 0:
            raise BoundError("the text takes too long: too many turns of loops, or too much output")
    return ""


@pass_context  # so that Jinja does not fold it into the compiled text, where it would be counted once for all
def _counted(_context: Context, value: Any) -> Any:
    spend(len(value if isinstance(value, str) else str(value)))
    return value


class _Generator(CodeGenerator):
    """Compiles `~` so that its result is measured; it is the one operator that the sandbox cannot intercept."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  # Jinja's name
        self.write("environment.measured(")
        super().visit_Concat(node, frame)
        self.write(")")


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with bounds. `fill` is how a text is filled in."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "-", "*", "**", "/", "//", "%"})

    def fill(self, text: str, values: Mapping[str, Any]) -> str:
        """The text with the values in it.

        Raises:
            BoundError: it needs more than it may.
            TemplateError: it is no template, or a variable is missing.
        """
        template = _compiled(self, text)
        token = _left.set([MOST_UNITS])
        try:
            return template.render(values)
        finally:
            _left.reset(token)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > LONGEST_SOURCE:
            raise BoundError(f"the text has {len(source)} characters; {LONGEST_SOURCE} are read")
        tree = super()._parse(source, name, filename)
        bodies: Iterable[Any] = tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock))
        for repeated in bodies:
            repeated.body.insert(0, _turn(repeated))
        return tree

    def measured(self, value: Any) -> Any:
        """`value`, if it is of a size that a text may have. Raises BoundError."""
        if isinstance(value, str | list | tuple):
            if len(value) > LONGEST_VALUE:
                raise BoundError(TOO_LONG)
            spend(len(value) // CHARACTERS_A_UNIT)
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise BoundError(f"a number is larger than {LARGEST_NUMBER}")
        return value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The result of an operator, whose operands are looked at before it is worked out."""
        if operator == "**" and (not _is_number(right) or abs(right) > LARGEST_EXPONENT or not _is_number(left)):
            raise BoundError(f"an exponent is at most {LARGEST_EXPONENT}")
        if operator == "*":
            _check_product(left, right)
        if operator == "%" and isinstance(left, str):
            _check_format(left, ())
        return self.measured(super().call_binop(context, operator, left, right))

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:  # Jinja's own names are positional
        """The result of a call, whose arguments are looked at before it is made."""
        if isinstance(owner := getattr(obj, "__self__", None), _TEXTS):
            _check_arguments(obj.__name__, (owner, *args), kwargs)
        spend(UNITS_A_TURN)
        found = super().call(context, obj, *args, **kwargs)
        return found if isinstance(obj, Macro) else self.measured(found)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """The sandbox's own `format` and `format_map` of a text, with widths that a text may have."""
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None

        @wraps(wrapped)
        def bounded(*args: Any, **kwargs: Any) -> str:
            numbers = [one for many in args if isinstance(many, Mapping) for one in many.values()]
            _check_format(value.__self__, [*args, *kwargs.values(), *numbers])
            return wrapped(*args, **kwargs)

        return bounded


@lru_cache(maxsize=256)
def _compiled(made: BoundedEnvironment, text: str) -> Template:
    """A text as code: of a message to many people it is the same one every time, and compiling costs more than filling in."""
    return made.from_string(text)


def environment(folders: Sequence[Path], filters: Mapping[str, Callable[..., Any]], *, autoescape: bool) -> BoundedEnvironment:
    """An environment whose texts may build on the files in `folders`, with these filters beside Jinja's."""
    made = BoundedEnvironment(
        loader=FileSystemLoader(folders), undefined=StrictUndefined, autoescape=autoescape, finalize=_counted
    )
    made.filters = {name: _held(made, name, one) for name, one in {**made.filters, **filters}.items()}
    made.globals.pop("lipsum", None)
    made.globals["range"] = _numbers
    return made


def _turn(repeated: nodes.Node) -> nodes.Node:
    """A statement that takes from the budget what one turn of this body costs: itself, and the text that stands in it."""
    static = sum(len(data.data) for data in repeated.find_all(nodes.TemplateData))
    spend_units = nodes.Call(nodes.ImportedName(f"{__name__}.spend"), [nodes.Const(UNITS_A_TURN + static)], [], None, None)
    statement = nodes.ExprStmt(spend_units)
    return statement.set_lineno(repeated.lineno, override=True)


def _held(made: BoundedEnvironment, name: str, one: Callable[..., Any]) -> Callable[..., Any]:
    """A filter, held to the bounds."""

    @wraps(one)  # with the mark by which Jinja knows whether to hand over the context
    def bounded(*args: Any, **kwargs: Any) -> Any:
        _check_arguments(name, args, kwargs)
        spend(1)
        return made.measured(one(*args, **kwargs))

    return bounded


def _numbers(*bounds: int) -> range:
    found = range(*bounds)
    if len(found) > MOST_NUMBERS:
        raise BoundError(f"a range has at most {MOST_NUMBERS} numbers")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _check_product(left: Any, right: Any) -> None:
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(times, int) and len(many) * times > LONGEST_VALUE:
            raise BoundError(TOO_LONG)


def _check_arguments(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments of a filter or a method of a text that would make something large. `args` begin with the text."""
    given = [*args, *kwargs.values()]
    if name in _WIDTHS and any(isinstance(one, int) and abs(one) > WIDEST for one in given[1:]):
        raise BoundError(f"a width is at most {WIDEST}")
    if name in _FORMATS:
        _check_format(next((one for one in given if isinstance(one, str)), ""), given)
    if name == "replace":
        texts = [one for one in given if isinstance(one, str)]
        if texts and (len(texts[0]) + 1) * max(map(len, texts[1:]), default=0) > LONGEST_VALUE * WIDEST:
            raise BoundError("a replacement would be too long")
    if name == "join":
        _check_join(given)


def _check_format(text: str, given: Sequence[Any]) -> None:
    has_large = any(isinstance(one, int) and abs(one) > WIDEST for one in given)
    if _WIDE_FORMAT.search(text) or (has_large and _WIDTH_GIVEN.search(text)):
        raise BoundError(f"a width in a format is at most {WIDEST - 1}")


def _check_join(given: Sequence[Any]) -> None:
    lists = [one for one in given if isinstance(one, list | tuple)]
    glue = max((len(one) for one in given if isinstance(one, str)), default=0)
    if sum(glue + len(item) for many in lists for item in many if isinstance(item, str)) > LONGEST_VALUE:
        raise BoundError(TOO_LONG)


__all__ = ["BoundError", "BoundedEnvironment", "environment"]
