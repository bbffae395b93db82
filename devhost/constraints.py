"""The inline constraints of ASP.NET Core routes: `int`, `minlength(3)`, `regex(^a$)` and the rest."""

import re
from collections.abc import Callable
from datetime import datetime

Constraint = Callable[[str], bool]

_DECIMAL = re.compile(r"\s*[+-]?(\d[\d,]*\.?\d*|\.\d+)\s*")
_FLOATING = re.compile(r"\s*[+-]?(\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)
_GUID = re.compile(
    r"[0-9a-f]{32}|(?P<open>[{(])?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?(open)[})])", re.IGNORECASE
)
_CALL = re.compile(r"(?P<name>[^(]+)(?:\((?P<arguments>.*)\))?", re.DOTALL)
_DATE_FORMATS = ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m-%d-%Y", "%Y/%m/%d")


def parse_constraint(text: str) -> Constraint:
    """The test that `text` stands for. Raises ValueError for a constraint that does not exist or lacks its arguments."""
    match = _CALL.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no constraint")
    name, arguments = match["name"].strip().lower(), match["arguments"]
    if arguments is None and name in _PLAIN:
        return _PLAIN[name]
    if arguments is not None and name == "regex":
        return _regex(arguments)
    if arguments is not None and name in _WITH_NUMBERS:
        return _with_numbers(name, arguments)
    raise ValueError(f"'{text}' is no constraint that routes know")


def _with_numbers(name: str, arguments: str) -> Constraint:
    try:
        numbers = [int(argument) for argument in arguments.split(",")]
        return _WITH_NUMBERS[name](*numbers)
    except (ValueError, TypeError):
        raise ValueError(f"'{name}({arguments})' needs whole numbers, as many as it takes") from None


def _regex(expression: str) -> Constraint:
    try:
        pattern = re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"'{expression}' is no regular expression: {error}") from None
    return lambda value: pattern.search(value) is not None


def _integer(value: str) -> int | None:
    return int(value) if re.fullmatch(r"\s*[+-]?\d+\s*", value, re.ASCII) else None


def _within(lowest: int, highest: int) -> Constraint:
    def holds(value: str) -> bool:
        number = _integer(value)
        return number is not None and lowest <= number <= highest

    return holds


def _is_floating(value: str) -> bool:
    return bool(_FLOATING.fullmatch(value)) or value.strip().lower() in {"nan", "infinity", "-infinity"}


def _is_datetime(value: str) -> bool:
    for parse in (datetime.fromisoformat, *(_parser(form) for form in _DATE_FORMATS)):
        try:
            parse(value.strip())
        except ValueError:
            continue
        return True
    return False


def _parser(form: str) -> Callable[[str], datetime]:
    return lambda value: datetime.strptime(value, form)  # noqa: DTZ007  # only whether it parses


_INT32, _INT64 = 2**31, 2**63

_PLAIN: dict[str, Constraint] = {
    "int": _within(-_INT32, _INT32 - 1),
    "long": _within(-_INT64, _INT64 - 1),
    "bool": lambda value: value.strip().lower() in {"true", "false"},
    "datetime": _is_datetime,
    "decimal": lambda value: bool(_DECIMAL.fullmatch(value)),
    "double": _is_floating,
    "float": _is_floating,
    "guid": lambda value: bool(_GUID.fullmatch(value.strip())),
    "alpha": lambda value: bool(re.fullmatch("[a-z]*", value, re.IGNORECASE | re.ASCII)),
    "required": bool,
    "file": lambda value: "." in value.rsplit("/", 1)[-1].rstrip("."),
    "nonfile": lambda value: "." not in value.rsplit("/", 1)[-1].rstrip("."),
}


def _length(shortest: int, longest: int | None = None) -> Constraint:
    return lambda value: shortest <= len(value) <= (shortest if longest is None else longest)


_WITH_NUMBERS: dict[str, Callable[..., Constraint]] = {
    "minlength": lambda shortest: lambda value: len(value) >= shortest,
    "maxlength": lambda longest: lambda value: len(value) <= longest,
    "length": _length,
    "min": lambda lowest: _within(lowest, _INT64 - 1),
    "max": lambda highest: _within(-_INT64, highest),
    "range": _within,
}
