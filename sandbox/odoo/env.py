"""Who calls, and which methods may be called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.odoo.database import Database


@dataclass(frozen=True)
class Env:
    """Who calls, on which database, with which context."""

    db: Database
    uid: int
    context: Mapping[str, Any] = field(default_factory=dict)


def over_api[F: Callable[..., Any]](kind: Literal["model", "records"]) -> Callable[[F], F]:
    """Mark a method as callable from outside: on the model, or on records (then the caller gives ids first)."""

    def mark(method: F) -> F:
        method.api = kind  # type: ignore[attr-defined]
        return method

    return mark
