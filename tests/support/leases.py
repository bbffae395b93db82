"""Workers that live in simulated time: while a test's clock moves, whoever executes a batch renews its leases."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from shared import clock
from shared.outbox.leases import Keeper
from shared.settings import get_settings


@contextmanager
def renewed(test_clock: clock.TestClock) -> Iterator[None]:
    """Every step of the clock renews the leases of the batches under way, three times in each, as their threads would."""
    keepers: list[Keeper] = []
    entered, left, moved = Keeper.__enter__, Keeper.__exit__, test_clock.advance

    def enter(keeper: Keeper) -> Keeper:
        keepers.append(keeper)
        return entered(keeper)

    def leave(keeper: Keeper, *error: object) -> None:
        keepers.remove(keeper)
        left(keeper, *error)  # type: ignore[arg-type]

    def advance(**delta: float) -> None:
        end, step = test_clock.moment + timedelta(**delta), timedelta(seconds=get_settings().delivery_lease_seconds / 3)
        while test_clock.moment < end:
            moved(seconds=min(step, end - test_clock.moment).total_seconds())
            for keeper in keepers:
                if clock.now() < keeper._last:
                    keeper.renew()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "__enter__", enter)
        patch.setattr(Keeper, "__exit__", leave)
        patch.setattr(test_clock, "advance", advance)
        yield
