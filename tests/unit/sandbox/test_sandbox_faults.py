"""Faults meet the calls that they should, as many as they should, and the same ones for the same seed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sandbox.faults import MODES, NO_FAULT, Fault, FaultBox


def drawn(calls: int, **fault: Any) -> list[str]:
    """The modes that so many calls meet."""
    box = FaultBox()
    box.set(Fault(**fault))
    return [box.draw("crm.lead.load (1 row)").mode for _ in range(calls)]


def test_without_a_fault_nothing_happens() -> None:
    """That is how it starts."""
    assert FaultBox().draw("anything") == NO_FAULT


@pytest.mark.parametrize("mode", sorted(set(MODES) - {"none", "flaky"}))
def test_a_fault_meets_every_call_unless_it_says_otherwise(mode: str) -> None:
    """All but flaky, which meets half."""
    assert set(drawn(20, mode=mode)) == {mode}


def test_flaky_meets_about_half_the_calls() -> None:
    """Or the share it is given."""
    assert 400 < drawn(1000, mode="flaky", seed=1).count("flaky") < 600
    assert 50 < drawn(1000, mode="slow", rate=0.1, seed=1).count("slow") < 150


@given(st.integers(), st.floats(0.01, 1))
def test_the_same_seed_gives_the_same_calls(seed: int, rate: float) -> None:
    """So that a test can be repeated."""
    assert drawn(30, mode="flaky", rate=rate, seed=seed) == drawn(30, mode="flaky", rate=rate, seed=seed)


@given(st.integers(1, 20), st.floats(0.2, 1), st.integers())
def test_a_fault_ends_after_its_count(count: int, rate: float, seed: int) -> None:
    """Only calls that met it count; then all is well again."""
    modes = drawn(400, mode="down", count=count, rate=rate, seed=seed)
    assert modes.count("down") == count


def test_only_some_calls_meet_it() -> None:
    """Those whose description contains what it says; the others do not count."""
    box = FaultBox()
    box.set(Fault(mode="down", only="lead.load", count=1))
    assert box.draw("crm.lead.search").mode == "none"
    assert box.shown()["left"] == 1
    assert box.draw("crm.lead.load (2 rows)").mode == "down"
    assert box.shown() == {"mode": "none", "rate": 1.0, "seconds": 2.0, "left": None}


WRONG: list[dict[str, Any]] = [
    {}, {"mode": "down", "rate": 0}, {"mode": "down", "rate": 1.1}, {"mode": "slow", "seconds": -1},
    {"mode": "down", "count": 0}, {"mode": "down", "status": 404}, {"mode": "slow", "status": 503},
    {"mode": "down", "only": ""}, {"mode": "down", "x": 1}, {"mode": "slow", "seconds": "long"},
]  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_fault_is_refused(fault: dict[str, Any]) -> None:
    """With pydantic's explanation."""
    with pytest.raises(ValidationError):
        Fault(**fault)
