"""What Kommo takes: the members of each kind of entity with their types, custom fields, notes. Faults come with their path."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sandbox.kommo.seed import FIELDS, PIPELINE, STATUSES, CustomField

MOST_VALUES = 40
LONGEST_NAME = 255


class Fault(NamedTuple):
    """One entry of `validation-errors`."""

    code: str
    path: str
    detail: str

    def shown(self) -> dict[str, str]:
        """As JSON."""
        return self._asdict()


type Faults = list[Fault]


def not_expected(path: str) -> Fault:
    """A member that there is not."""
    return Fault("NotExpected", path, "This field was not expected.")


def missing(path: str) -> Fault:
    """A member that there must be."""
    return Fault("FieldMissing", path, "This field is missing.")


def wrong_type(path: str, kind: str) -> Fault:
    """A member of another type."""
    return Fault("InvalidType", path, f"This value should be of type {kind}.")


def no_choice(path: str) -> Fault:
    """A value, or the id of something, that there is not."""
    return Fault("NotSupportedChoice", path, "The value you selected is not a valid choice.")


def is_int(value: Any) -> bool:
    """A whole number, and no text that looks like one: Kommo minds the difference."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return value is None or is_int(value)


_TYPES: Mapping[str, Callable[[Any], bool]] = {"int": is_int, "string": _is_text, "int|null": _is_count}
_STAMPS = dict.fromkeys(("created_by", "updated_by", "created_at", "updated_at", "responsible_user_id"), "int")
MEMBERS: Mapping[str, Mapping[str, str]] = {
    "contacts": {"id": "int", "name": "string", "first_name": "string", "last_name": "string", **_STAMPS},
    "leads": {
        "id": "int",
        "name": "string",
        "price": "int",
        "status_id": "int",
        "pipeline_id": "int",
        "closed_at": "int|null",
        "loss_reason_id": "int|null",
        **_STAMPS,
    },
}
_OTHERS = {"custom_fields_values", "_embedded", "request_id", "tags_to_add", "tags_to_delete"}


def entity(kind: str, given: Any, path: str = "") -> Faults:
    """What is wrong with a contact or lead as it was sent; `path` stands before the names."""
    if not isinstance(given, dict):
        return [wrong_type(path.rstrip("."), "array")]
    members = MEMBERS[kind]
    faults = [not_expected(path + name) for name in given if name not in members and name not in _OTHERS]
    faults += [
        wrong_type(path + name, kind_of_value)
        for name, kind_of_value in members.items()
        if name in given and not _TYPES[kind_of_value](given[name])
    ]
    faults += custom_values(kind, given.get("custom_fields_values"), f"{path}custom_fields_values")
    faults += _embedded(given.get("_embedded"), f"{path}_embedded")
    if kind == "leads" and not faults:
        faults += _stage(given, path)
    return faults


def _embedded(given: Any, path: str) -> Faults:
    if given is None:
        return []
    if not isinstance(given, dict):
        return [wrong_type(path, "array")]
    faults: Faults = []
    for name, entries in given.items():
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            faults.append(wrong_type(f"{path}.{name}", "array"))
            continue
        faults += [
            wrong_type(f"{path}.{name}.{place}.id", "int")
            for place, one in enumerate(entries)
            if "id" in one and not is_int(one["id"])
        ]
    return faults


def _stage(given: Mapping[str, Any], path: str) -> Faults:
    faults = [] if given.get("pipeline_id", PIPELINE) == PIPELINE else [no_choice(f"{path}pipeline_id")]
    return faults + ([] if "status_id" not in given or given["status_id"] in STATUSES else [no_choice(f"{path}status_id")])


def custom_values(kind: str, given: Any, path: str) -> Faults:
    """What is wrong with `custom_fields_values`."""
    if given is None:
        return []
    if not isinstance(given, list):
        return [wrong_type(path, "array")]
    if len(given) > MOST_VALUES:
        return [Fault("TooMany", path, f"This collection should contain {MOST_VALUES} elements or less.")]
    return [fault for place, one in enumerate(given) for fault in _custom_value(kind, one, f"{path}.{place}")]


def _custom_value(kind: str, given: Any, path: str) -> Faults:
    if not isinstance(given, dict):
        return [wrong_type(path, "array")]
    field = field_of(kind, given)
    if field is None:
        return [no_choice(f"{path}.{'field_code' if 'field_code' in given else 'field_id'}")]
    if "values" not in given:
        return [missing(f"{path}.values")]
    values = given["values"]
    if values is None:
        return []
    if not isinstance(values, list) or not values:
        return [wrong_type(f"{path}.values", "array")]
    return [fault for place, value in enumerate(values) for fault in _value(field, value, f"{path}.values.{place}")]


def _value(field: CustomField, given: Any, path: str) -> Faults:
    if not isinstance(given, dict):
        return [wrong_type(path, "array")]
    if "value" not in given:
        return [missing(f"{path}.value")]
    if not isinstance(given["value"], str | int | float):
        return [wrong_type(f"{path}.value", "string")]
    if "enum_code" in given and given["enum_code"] not in field.enums:
        return [no_choice(f"{path}.enum_code")]
    if "enum_id" in given and given["enum_id"] not in [field.enum_id(code) for code in field.enums]:
        return [no_choice(f"{path}.enum_id")]
    return []


def field_of(kind: str, given: Mapping[str, Any]) -> CustomField | None:
    """The field that a value is for, by `field_id` (a number) or `field_code`."""
    number, code = given.get("field_id"), given.get("field_code")
    if number is not None:
        return next((field for field in FIELDS[kind] if is_int(number) and field.id == number), None)
    return next((field for field in FIELDS[kind] if code and field.code == code), None)


_NOTES: Mapping[str, Mapping[str, str]] = {
    "common": {"text": "string"},
    "service_message": {"service": "string", "text": "string"},
    "extended_service_message": {"service": "string", "text": "string"},
    "call_in": {"uniq": "string", "duration": "int", "source": "string", "phone": "string"},
    "call_out": {"uniq": "string", "duration": "int", "source": "string", "phone": "string"},
    "sms_in": {"text": "string", "phone": "string"},
    "sms_out": {"text": "string", "phone": "string"},
}
_NOTE_MEMBERS = {"entity_id", "note_type", "params", "request_id", "created_by", "responsible_user_id", "created_at"}


def note(given: Any) -> Faults:
    """What is wrong with a note as it was sent."""
    if not isinstance(given, dict):
        return [wrong_type("", "array")]
    faults = [not_expected(name) for name in given if name not in _NOTE_MEMBERS]
    wanted = _NOTES.get(str(given.get("note_type")))
    if wanted is None:
        return [*faults, no_choice("note_type") if "note_type" in given else missing("note_type")]
    params = given.get("params")
    if not isinstance(params, dict):
        return [*faults, missing("params") if params is None else wrong_type("params", "array")]
    for name, kind in wanted.items():
        if name not in params:
            faults.append(missing(f"params.{name}"))
        elif not _TYPES[kind](params[name]):
            faults.append(wrong_type(f"params.{name}", kind))
    return faults
