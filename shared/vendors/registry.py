"""The outside systems that the deployed code can call: the `clients` of the flows, imported when somebody asks.

From them follow the health report (`with_ping`) and how long a delivery may be under way (`time_limit_faults`).
"""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from shared import flows
from shared.errors import ConfigurationError, ThrottledError
from shared.flow import Flow, FlowError
from shared.settings import Settings, get_settings

# Of the health report: one short request, and not much patience.
PING_SECONDS = 3.0


@runtime_checkable
class OutsideSystem(Protocol):
    """What is known of each system; `shared.vendors.rest_client.RestClient` is one."""

    @property
    def name(self) -> str:
        """As people write it."""

    @property
    def has_ping(self) -> bool:
        """Whether it can be asked whether it is there."""

    def is_used(self, settings: Settings | None = None) -> bool:
        """Whether it is set up."""

    def ping(self, seconds: float | None = None) -> str:
        """What it says of itself. Raises PuenteError: it cannot be reached, refuses us, or is not set up whole."""

    def longest_seconds(self, settings: Settings | None = None) -> float:
        """The longest that one delivery may take."""


_with_good_limit: list[Settings] = []


def systems() -> list[OutsideSystem]:
    """All systems, in the order of the flows. Raises FlowError where a declared place holds none."""
    return [_checked(flow, system) for flow, system in flows.parts_by_flow("clients")]


def with_ping(settings: Settings | None = None) -> Iterator[OutsideSystem]:
    """The systems that are used and can be asked whether they are there."""
    settings = settings or get_settings()
    return (system for system in systems() if system.has_ping and system.is_used(settings))


def ping(system: OutsideSystem) -> str:
    """What it says of itself: its version, the account's name or state.

    By a connection of its own, because the usual one waits for longer and keeps distances between its requests.
    One that is busy (429) is there: the deliveries to it wait as it says.

    Raises:
        PuenteError: as `OutsideSystem.ping`.
    """
    try:
        return system.ping(PING_SECONDS)
    except ThrottledError as busy:
        return f"busy: {busy}"


def time_limit_faults(settings: Settings | None = None) -> list[str]:
    """What is wrong with DELIVERY_LONGEST_SECONDS beside the systems that are used; one sentence, or none.

    A worker that is at one batch for longer is taken for stuck, and another sends once more what the first is still sending.
    """
    settings = settings or get_settings()
    needed = {system.name: system.longest_seconds(settings) for system in systems() if system.is_used(settings)}
    name, seconds = max(needed.items(), key=lambda pair: pair[1], default=("", 0.0))
    if settings.delivery_longest_seconds > seconds:
        return []
    why = "else a second worker takes over what the first is still sending"
    return [f"DELIVERY_LONGEST_SECONDS: must be above {seconds:g}, the longest that a delivery to {name} may take; {why}"]


def require_time_limit(settings: Settings | None = None) -> None:
    """Nothing where the time limit is long enough; settings that were found good are not looked at again.

    Raises:
        ConfigurationError: it is too short for a system that is used.
    """
    settings = settings or get_settings()
    if _with_good_limit and _with_good_limit[0] is settings:
        return
    if faults := time_limit_faults(settings):
        raise ConfigurationError("; ".join(faults))
    _with_good_limit[:] = [settings]


def _checked(flow: Flow, system: object) -> OutsideSystem:
    if not isinstance(system, OutsideSystem):
        raise FlowError(f"flow {flow.name!r}: a client lacks name, has_ping, is_used, ping or longest_seconds: {system!r:.80}")
    return system
