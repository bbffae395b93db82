"""A worker that dies at a point where something has been done outside and is not yet noted: nothing is made twice."""

from collections.abc import Iterator

import pytest

from shared import faults
from shared.faults import InjectedFault
from tests.functions.onboarding.conftest import Company, contract

POINTS = (
    "outbox.after_call",
    pytest.param("outbox.after_claim", marks=pytest.mark.slow),
    pytest.param("outbox.after_record", marks=pytest.mark.slow),
)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_again_and_again(company: Company, point: str) -> None:
    """Six deaths at one point: in the end each account and event is there once, and what nobody can know is for a person."""
    assert company.report(contract()).status == 202
    faults.inject(f"{point}=raise:1x6")
    for _ in range(12):
        company.clock.advance(minutes=2)
        company.world.timers()
        company.world.run(swallow=(InjectedFault,))
    faults.inject("")
    for _ in range(4):
        company.wait(minutes=20)
    states = company.states()
    unsure = {"slack", "teams"} if point == "outbox.after_call" else set()
    assert {name for name, state in states.items() if state not in ("done", "uncertain")} == set()
    assert {name for name, state in states.items() if state == "uncertain"} <= unsure | {"welcome"}
    assert len(company.okta_users) == len(company.accounts) == len(company.events) == 1
    assert len(company.notices) <= 1
    assert len(company.post.sent) <= 1


@pytest.fixture(autouse=True)
def no_faults_afterwards() -> Iterator[None]:
    """Whatever comes of the test, the next one has none."""
    yield
    faults.inject("")
