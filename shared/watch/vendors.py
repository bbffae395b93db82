"""The outside systems that are set up, and how each is asked whether it is there, by the declarations of their clients."""

from collections.abc import Callable
from functools import partial

from shared.vendors import registry


def questions() -> dict[str, Callable[[], str]]:
    """How each system that is used is asked, by its name."""
    return {system.name.lower(): partial(registry.ping, system) for system in registry.with_ping()}


__all__ = ["questions"]
