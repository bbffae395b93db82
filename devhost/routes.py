"""ASP.NET Core route templates: `items/{id:int}/{view=list}/{*rest}`. Case does not matter; values are strings."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote

from devhost.constraints import parse_constraint

Constraint = Callable[[str], bool]


class RouteError(ValueError):
    """A template that ASP.NET Core would refuse; the text says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One `{…}` of a template."""

    name: str
    constraints: tuple[Constraint, ...] = ()
    default: str | None = None
    optional: bool = False
    catch_all: bool = False


@dataclass(frozen=True)
class Template:
    """A parsed template, ready to match."""

    pattern: re.Pattern[str]
    parameters: tuple[Parameter, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route values of a decoded path (with its leading slash), or None. Optional parameters not used are absent."""
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        values: dict[str, str] = {}
        for parameter, captured in zip(self.parameters, match.groups(), strict=True):
            value = captured or parameter.default
            if value is not None:
                if not all(holds(value) for holds in parameter.constraints):
                    return None
                values[parameter.name] = value
            elif parameter.constraints and not parameter.optional:
                return None  # a constrained catch-all does not match nothing
        return values


def decode_path(raw_path: str) -> str:
    """Percent-decode a path as the web server does: all but `%2F`, which stays."""
    if "%" not in raw_path:
        return raw_path
    return unquote(re.sub("%2f", "%252F", raw_path, flags=re.IGNORECASE))


def parse_template(text: str) -> Template:
    """Parse a template. Raises RouteError."""
    parts = [_parse_segment(segment) for segment in _split(text.strip("/"))]
    parameters = [part for segment in parts for part in segment if isinstance(part, Parameter)]
    names = [parameter.name.lower() for parameter in parameters]
    if len(set(names)) != len(names):
        raise RouteError(f"'{text}' names a parameter twice")
    if any(part.catch_all and [part] != parts[-1] for part in parameters):
        raise RouteError(f"'{text}' has a catch-all that is not a last segment of its own")
    return Template(re.compile(_regex(parts), re.IGNORECASE | re.DOTALL), tuple(parameters))


Part = str | Parameter


def _regex(segments: list[list[Part]]) -> str:
    """Built from the end: what may be left out nests inside what stands before it."""
    rest, may_end_here = "", True
    for segment in reversed(segments):
        last = segment[-1]
        alone = isinstance(last, Parameter) and len(segment) == 1
        if isinstance(last, Parameter) and last.catch_all:
            return "".join(f"/{_segment_regex(before)}" for before in segments[:-1]) + "(?:/(.*))?"
        may_end_here = may_end_here and alone and isinstance(last, Parameter) and (last.optional or last.default is not None)
        rest = f"(?:/{_segment_regex(segment)}{rest})?" if may_end_here else f"/{_segment_regex(segment)}{rest}"
    return rest + "/?"


def _segment_regex(segment: list[Part]) -> str:
    pieces = []
    for part in segment:
        if isinstance(part, str):
            pieces.append(re.escape(part))
        elif part.optional and len(segment) > 1:
            dot = pieces.pop()
            pieces.append(f"(?:{dot}([^/.]+))?")
        else:
            pieces.append("([^/]+)" if part is segment[-1] or not _optional_end(segment) else "([^/]+?)")
    return "".join(pieces)


def _optional_end(segment: list[Part]) -> bool:
    return isinstance(segment[-1], Parameter) and segment[-1].optional


def _split(text: str) -> list[str]:
    """Cut at the slashes outside braces; a regex constraint may hold one."""
    segments, depth, current = [], 0, ""
    for character in text:
        depth += (character == "{") - (character == "}")
        if character == "/" and depth == 0:
            segments.append(current)
            current = ""
        else:
            current += character
    if depth != 0:
        raise RouteError(f"'{text}' has braces that do not match")
    segments.append(current)
    if segments == [""]:
        return []
    if "" in segments:
        raise RouteError(f"'{text}' has two slashes in a row")
    return segments


def _parse_segment(segment: str) -> list[Part]:
    parts: list[Part] = []
    literal, position = "", 0
    while position < len(segment):
        character = segment[position]
        if character in "{}" and segment[position : position + 2] == character * 2:
            literal, position = literal + character, position + 2
        elif character == "{":
            end = _closing_brace(segment, position)
            parts += [literal] if literal else []
            parts.append(_parse_parameter(segment[position + 1 : end].replace("{{", "{").replace("}}", "}")))
            literal, position = "", end + 1
        elif character in "}?":
            raise RouteError(f"'{segment}' has a '{character}' outside a parameter")
        else:
            literal, position = literal + character, position + 1
    _check_neighbours([*parts, literal] if literal else parts, segment)
    return [*parts, literal] if literal else parts


def _check_neighbours(parts: list[Part], segment: str) -> None:
    for before, part in pairwise(parts):
        if isinstance(before, Parameter) and isinstance(part, Parameter):
            raise RouteError(f"'{segment}' has two parameters with nothing between them")
        if isinstance(before, Parameter) and before.optional:
            raise RouteError(f"'{segment}' has an optional parameter that is not at its end")
        if isinstance(part, Parameter) and part.optional and not (isinstance(before, str) and before.endswith(".")):
            raise RouteError(f"'{segment}' has an optional parameter that does not follow a '.'")


def _closing_brace(segment: str, start: int) -> int:
    position = start + 1
    while position < len(segment):
        if segment[position] in "{}" and segment[position : position + 2] == segment[position] * 2:
            position += 2
            continue
        if segment[position] == "}":
            return position
        position += 1
    raise RouteError(f"'{segment}' has a '{{' that is not closed")


_NAME = re.compile(r"(\*{0,2})([^\s:=?*{}/]+)")


def _parse_parameter(text: str) -> Parameter:
    """`*rest`, `id:int:min(1)`, `view=list`, `id?`."""
    optional = text.endswith("?")
    body = text.removesuffix("?")
    match = _NAME.match(body)
    if match is None:
        raise RouteError(f"'{{{text}}}' has no valid parameter name")
    specifications, default = _constraints_and_default(body[match.end() :])
    if optional and (default is not None or match[1]):
        raise RouteError(f"'{{{text}}}' is optional and has a default or is a catch-all")
    try:
        constraints = tuple(parse_constraint(specification) for specification in specifications)
    except ValueError as error:
        raise RouteError(f"'{{{text}}}': {error}") from error
    return Parameter(name=match[2], constraints=constraints, default=default, optional=optional, catch_all=bool(match[1]))


def _constraints_and_default(text: str) -> tuple[list[str], str | None]:
    """Split `:int:regex(a:b)=5`. Inside a constraint's parentheses nothing is special but the end of them."""
    specifications: list[str] = []
    depth, start = 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > 0 or character not in ":=":
            continue
        if position > start:
            specifications.append(text[start + 1 : position])
        if character == "=":
            return specifications, text[position + 1 :]
        start = position
    if text:
        specifications.append(text[start + 1 :])
    return specifications, None
