"""Objects that a declaration names as text, so that importing the declaration does not import them."""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

_FORM = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_reference(text: str) -> bool:
    """Whether a text has the form `package.module:attribute`; not whether there is such an object."""
    return _FORM.fullmatch(text) is not None


@cache
def load(reference: str) -> Any:
    """The object named by `module:attribute`; its module is imported on the first call.

    Raises:
        ValueError: the text is not of that form.
        ImportError, AttributeError: there is no such module, or nothing of that name in it.
    """
    module, colon, attribute = reference.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"{reference!r} must have the form 'module:attribute'")
    return getattr(import_module(module), attribute)


def class_of[T](reference: str | type[T]) -> type[T]:
    """A class that is given itself, or by its name (see `load`)."""
    found: type[T] = load(reference) if isinstance(reference, str) else reference
    return found


def function(reference: str | Callable[..., Any]) -> Callable[..., Any]:
    """A function that is given itself, or by its name (see `load`)."""
    found: Callable[..., Any] = load(reference) if isinstance(reference, str) else reference
    return found
