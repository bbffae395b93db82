"""Models that are read from the environment: one field for each variable.

What `pydantic-settings` would do, in the part that is used here. That package also brings in readers of files, of vaults and of
the command line, and reads slowly: together a third of what the import of the whole app may cost.

- A variable has the name of its field, or the field's `validation_alias`; upper and lower case are the same.
- An empty variable counts as one that is not set, as an app setting left empty in a portal means its default.
- Fields that hold several values are written as JSON, unless they are marked `NoDecode` and read the text themselves.
"""

import json
import os
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import AliasChoices, BaseModel, ConfigDict
from pydantic.fields import FieldInfo

_SEVERAL = (dict, list, tuple, set, frozenset)


class NoDecode:
    """Marks a field of several values (in `Annotated`) whose own validator reads the text; it is no JSON."""


class BaseSettings(BaseModel):
    """A model whose values are those of the environment when it is made, and what is given by name in front of them.

    Raises `pydantic.ValidationError` for what is missing or wrong, and JSONDecodeError, with the name of the variable and
    without its value, for what is no JSON.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", validate_default=True, defer_build=True)

    def __init__(self, **given: Any) -> None:
        super().__init__(**(read(type(self), os.environ) | given))


def read(model: type[BaseModel], environment: Mapping[str, str]) -> dict[str, Any]:
    """The values that the environment has for the fields of `model`, by the first name of each field; JSON is decoded.

    Raises:
        JSONDecodeError: a variable that must be JSON is none.
    """
    present = {name.lower(): text for name, text in environment.items() if text}
    values = {}
    for first, names, is_json in _variables(model):
        text = next((present[name] for name in names if name in present), None)
        if text is not None:
            values[first] = _decoded(first, text) if is_json else text
    return values


@cache
def _variables(model: type[BaseModel]) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    """For each field: the name by which the model takes it, the variables it is read from in lower case, whether JSON."""
    found = []
    for name, field in model.model_fields.items():
        names = _names(name, field)
        is_json = NoDecode not in field.metadata and _holds_several(field.annotation)
        found.append((names[0], tuple(each.lower() for each in names), is_json))
    return tuple(found)


def _names(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias if isinstance(alias, str) else name]


def _holds_several(annotation: Any) -> bool:
    """Whether a type is written as JSON: a collection or a model, or one of them or nothing."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(map(_holds_several, typing.get_args(annotation)))
    if origin is typing.Annotated:
        return _holds_several(annotation.__origin__)
    plain = origin or annotation
    return isinstance(plain, type) and issubclass(plain, (*_SEVERAL, BaseModel))


def _decoded(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(f"{name.upper()} is no JSON ({error.msg})", "", error.pos) from None
