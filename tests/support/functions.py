"""The functions of the app by their names, as the host indexes them: so that a test calls what the host would."""

from collections.abc import Callable
from typing import Any

from shared import flows


def named(name: str) -> Callable[..., Any]:
    """The function that the host knows by that name."""
    return _functions()[name]


def _functions() -> dict[str, Callable[..., Any]]:
    builders = (builder for blueprint in flows.parts("functions") for builder in blueprint._function_builders)
    return {one._function.get_function_name(): one._function.get_user_function() for one in builders}
