"""The outside systems that the sandbox stands in for: those that the flows name in `stand_ins`."""

from collections.abc import Callable

from sandbox.vendor import Vendor
from shared import flows


def makers() -> tuple[Callable[[], Vendor], ...]:
    """The class of each stand-in, written against `sandbox.vendor`; each once, those of the core's flows first."""
    named = sorted(flows.parts_by_flow("stand_ins"), key=lambda one: one[0].optional)
    return tuple(dict.fromkeys(stand_in for _flow, stand_in in named))
