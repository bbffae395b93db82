"""Requests that keep their distance."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from shared import clock
from shared.vendors.http import HttpClient
from shared.vendors.pace import Paced
from tests.unit.vendors.network import NOW, Answer, FakeNetwork, refused


class Timed(FakeNetwork):
    """Notes when it is asked, and takes its time."""

    def __init__(self, *script: Answer | Exception, seconds: float = 0) -> None:
        super().__init__(*script)
        self.times: list[datetime] = []
        self.seconds = seconds

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """One exchange."""
        self.times.append(clock.now())
        clock.sleep(self.seconds)
        return super().send(request, **options)


def apart(*networks: Timed) -> float:
    """The least distance between any two requests, in seconds."""
    times = sorted(moment for network in networks for moment in network.times)
    return min((later - earlier).total_seconds() for earlier, later in pairwise(times))


@given(st.lists(st.floats(0, 0.5), min_size=2, max_size=20), st.sampled_from([1.0, 6.0, 7.0]), st.floats(0, 0.4))
def test_any_two_requests_keep_apart(gaps: list[float], per_second: float, seconds: float) -> None:
    """However they come and however long an answer takes; nobody waits longer than one distance."""
    with clock.frozen(NOW):
        network = Timed(Answer(200, {}), seconds=seconds)
        client = HttpClient("x", "https://x.invalid", read_seconds=1, adapter=Paced(per_second, network))
        for gap in gaps:
            clock.sleep(gap)
            asked = clock.now()
            client.request("GET", "/")
            assert (network.times[-1] - asked).total_seconds() <= 1 / per_second + 1e-6
        assert apart(network) >= 1 / per_second - 1e-5


def test_quick_second_tries_are_requests_too() -> None:
    """A refused connection is tried again at once, but not sooner than that."""
    network = Timed(refused(), refused(), Answer(200, {}))
    HttpClient("x", "https://x.invalid", read_seconds=1, adapter=Paced(1, network)).request("GET", "/")
    assert len(network.times) == 3
    assert apart(network) >= 1


@pytest.mark.parametrize("batch", [1, 3])
def test_instances_that_take_turns_keep_apart(batch: int) -> None:
    """Each says at the beginning of its turn that somebody else may have asked just now."""
    networks = [Timed(Answer(200, {})), Timed(Answer(200, {}))]
    instances = [Paced(6, network) for network in networks]
    clients = [HttpClient("x", "https://x.invalid", read_seconds=1, adapter=paced) for paced in instances]
    for turn in range(6):
        instances[turn % 2].rest()
        for _request in range(batch):
            clients[turn % 2].request("GET", "/")
    assert apart(*networks) >= 1 / 6 - 1e-5
