"""Lenient payloads: an optional field that cannot be read is left out; the event is still accepted.

The field is named in `left_out`, so that a person sees it beside the event, whose data keeps everything that was sent. A text
that is longer than its column is cut. Required fields and ids stay strict. The REST API does not use this: there a wrong
field is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

MOST_TRIES = 4  # each shows the faults that stood behind those of the one before
LONGEST_REASON = 200
TOO_LONG, UNREADABLE_SIGN = "string_too_long", "unreadable_sign"
UNREADABLE = "\ufffd"
IDS = frozenset({"id", "manychat_id", "contact_id"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A field that does not count, and why. It never holds what was sent."""

    field: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """As it is stored with the event and shown."""
        return asdict(self)


def read[P: BaseModel](model: type[P], data: Any) -> tuple[P, tuple[LeftOut, ...]]:
    """`data` as `model`, and the optional fields that were left out or cut.

    Raises:
        ValidationError: a field that is needed is missing or wrong.
    """
    left_out: dict[str, LeftOut] = {}
    for _ in range(MOST_TRIES):
        try:
            return model.model_validate(data), tuple(left_out.values())
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                path = _optional(model, fault["loc"])
                if path is None:
                    raise
                data, name = _mended(data, path, fault), ".".join(path)
                left_out.setdefault(name, LeftOut(name, _reason(fault)))
    return model.model_validate(data), tuple(left_out.values())


def _optional(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, ...] | None:
    """The path of the innermost field at this place that may be left out; None where none may."""
    found: tuple[str, ...] | None = None
    path: list[str] = []
    for name, field in _fields(model, location):
        path.append(name)
        if name in IDS:
            return None  # also where another field may name the same: a wrong id names somebody else
        if not field.is_required():
            found = tuple(path)
    return found


def _fields(model: type[BaseModel] | None, location: tuple[int | str, ...]) -> Iterator[tuple[str, Any]]:
    for name in location:
        field = model.model_fields.get(str(name)) if model is not None else None
        if field is None:
            return
        yield str(name), field
        kind = field.annotation
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _mended(data: Any, path: tuple[str, ...], fault: ErrorDetails) -> Any:
    """The data without the field, or with its text cut; in an older shape of a payload the field stands at the top."""
    name, *deeper = path
    if not isinstance(data, Mapping):
        return data
    if deeper and isinstance(data.get(name), Mapping):
        return {**data, name: _mended(data[name], tuple(deeper), fault)}
    name = path[-1] if deeper else name
    value = data.get(name)
    if fault["type"] == TOO_LONG and isinstance(value, str):
        return {**data, name: cut(value.strip(), int(fault["ctx"]["max_length"]))}
    if fault["type"] == UNREADABLE_SIGN and isinstance(value, str):
        return {**data, name: value.replace(UNREADABLE, "")}
    return {key: kept for key, kept in data.items() if key != name}


def cut(text: str, at_most: int) -> str:
    """As much of a text as a column holds, counted in units of UTF-16 as SQL Server does; no character is cut in half."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * at_most].decode("utf-16-le", "ignore").rstrip()


def _reason(fault: ErrorDetails) -> str:
    if fault["type"] == TOO_LONG:
        return f"cut: at most {fault['ctx']['max_length']} characters are kept"
    if fault["type"] == UNREADABLE_SIGN:
        return "a sign that cannot be stored was left out"
    return fault["msg"].removeprefix("Value error, ")[:LONGEST_REASON]
