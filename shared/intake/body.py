"""Parse a request body into JSON that we can store exactly; any other body is refused with a reason, never altered."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import FieldError, RefusedError

MAX_DEPTH = 64
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def check_size(body: bytes, limit: int) -> None:
    """Refuse with 413 what is larger than `limit` bytes."""
    if len(body) > limit:
        raise RefusedError(413, "too-large", f"The body has {len(body)} bytes; at most {limit} are taken.")


def check_content_type(headers: Mapping[str, str]) -> None:
    """Refuse with 415 what says it is not JSON, or is compressed. No content type at all is taken for JSON."""
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise RefusedError(415, "not-json", f"The body must be application/json, not {media_type[:60]!r}.")
    if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise RefusedError(415, "compressed", "A compressed body is not taken.")


def parse_object(body: bytes, *, lenient: bool = False) -> dict[str, Any]:
    """The JSON object in `body`.

    A NUL or half of a surrogate pair, which neither the database nor Odoo can store, is refused; with `lenient` U+FFFD
    stands in its place, and the fields of a webhook decide what it costs.

    Raises:
        RefusedError: 400 where it is no JSON (RFC 8259: UTF-8, no NaN, no endless nesting) or no object; 422 for such a sign.
    """
    value = _parse(body, lenient=lenient)
    if not isinstance(value, dict):
        raise RefusedError(400, "bad-json", "The body must be a JSON object.")
    return value


def parse_objects(body: bytes, *, lenient: bool = False) -> list[dict[str, Any]]:
    """The JSON objects in `body`: one object, or an array of them, as senders that send in batches write it.

    `lenient` is as in `parse_object`.

    Raises:
        RefusedError: as `parse_object`; 400 also for an array that is empty or holds something else.
    """
    value = _parse(body, lenient=lenient)
    objects = value if isinstance(value, list) else [value]
    if not objects or not all(isinstance(one, dict) for one in objects):
        raise RefusedError(400, "bad-json", "The body must be a JSON object or an array of them.")
    return objects


def _parse(body: bytes, *, lenient: bool = False) -> Any:
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite)
        _check_depth(value)
    except (ValueError, RecursionError) as error:  # ValueError: also bad UTF-8 and numbers of thousands of digits
        raise RefusedError(400, "bad-json", "The body is not valid JSON.", detail=_why(error)) from error
    if isinstance(value, dict | list) and (b"\x00" in body or _SUSPECT.search(body)):
        if lenient:
            return _storable(value)
        _refuse_unstorable(value)
    return value


def _storable(value: Any) -> Any:
    """The value with U+FFFD for each sign that cannot be stored."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(name): _storable(child) for name, child in value.items()}
    return [_storable(child) for child in value] if isinstance(value, list) else value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):  # it would be stored as Infinity, which is not JSON any more
        raise ValueError(f"the number {digits[:20]} is beyond what can be kept")
    return number


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)[:200]


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise RecursionError


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse_unstorable(value: dict[str, Any] | list[Any]) -> None:
    faults = [FieldError(path, why) for path, text in _texts(value, "") if (why := _unstorable(text))]
    if faults:
        raise RefusedError(422, "unstorable-text", "A text holds a character that cannot be stored.", errors=faults[:20])


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield path or "(key)", name
            yield from _texts(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, f"{path}.{index}")


def _unstorable(text: str) -> str | None:
    if "\x00" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    return None
