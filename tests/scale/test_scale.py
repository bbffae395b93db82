"""Several hosts on one storage account and one small database, one killed, one stopped, one started anew: everything once.

The large form (`make test-scale`) is four hosts, 20,000 events and 5,000 messages; the small one is in every `make test-all`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from devhost.azurite import Azurite
from devhost.testing import wait_until
from sandbox.testing import RunningSandbox
from shared.outbox import actions
from tests.crash import ledger
from tests.crash.load import make_load
from tests.scale import fleet, letters
from tests.scale.fleet import TIMERS, Fleet
from tests.scale.letters import PostOffice

pytestmark = [pytest.mark.lab, pytest.mark.host]

CLOCK_SECONDS = 0.05  # by so much two processes may differ in what a line of the log says
NOT_WITHIN_THE_TEST = {"reconcile_odoo"}  # once a night


@dataclass(frozen=True)
class Size:
    """How much of everything, and how long it may take."""

    hosts: int
    pool: int  # connections that a host would have, more in all than there are
    posts: int
    people: int
    letters: int
    pace: float
    seconds: float


SMALL = Size(hosts=2, pool=12, posts=2_000, people=200, letters=300, pace=20, seconds=900)
LARGE = Size(hosts=4, pool=6, posts=20_000, people=2_000, letters=5_000, pace=100, seconds=3_600)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """Open from before the first host until after the last."""
    with PostOffice() as office:
        yield office


@pytest.fixture(params=[pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.nightly)])
def size(request: pytest.FixtureRequest) -> Size:
    """The small form in each run of the lab, the large one at night."""
    size: Size = request.param
    return size


@pytest.fixture
def hosts(size: Size, office: PostOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """The fleet, with its backlog's place empty, and nothing running."""
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server.startswith("postgresql"):
        pytest.skip("needs PostgreSQL, whose connections are counted (make test-scale)")
    for register in ("_actions", "_policies"):  # what a test registers ends with it
        monkeypatch.setattr(actions, register, dict(getattr(actions, register)))
    monkeypatch.setenv(letters.PACE_VARIABLE, str(size.pace))
    monkeypatch.setenv(letters.ADDRESS_VARIABLE, office.address)
    with (
        Azurite.on_free_ports(location=tmp_path / "azurite") as azurite,
        RunningSandbox() as sandbox,
        fleet.small_database(server) as urls,
    ):
        found = Fleet(tmp_path, azurite.connection_string, sandbox, urls, office.address)
        found.environment["DATABASE_POOL_SIZE"] = str(size.pool)
        yield found
        for host in found.hosts:
            if host.process is not None:
                host.kill()
        found.engine.dispose()


def test_several_hosts_do_everything_once(hosts: Fleet, size: Size, office: PostOffice) -> None:
    """A backlog; one host is killed at a quarter of it, started anew at a half, and another stopped at three quarters."""
    load = make_load(20, people=size.people, posts=size.posts)
    hosts.write(size.letters)
    with hosts.filling(load.posts, size.seconds) as accepted:
        work_through(hosts, size, len(load.events))
    wait_until(lambda: hosts.is_quiet(accepted), size.seconds, pause=1)
    for host in hosts.hosts:
        host.stop()
    ledger.check(hosts, load, accepted)
    check_letters(hosts, office, size)
    check_limits(hosts)
    for timer in set(TIMERS) - NOT_WITHIN_THE_TEST:
        check_timer(hosts, timer)


def work_through(hosts: Fleet, size: Size, events: int) -> None:
    """Let the hosts come, go and come back while they handle three quarters of so many events."""
    hosts.hosts = [hosts.host_of(number) for number in range(size.hosts)]
    killed, stopped = hosts.hosts[0], hosts.hosts[1]
    for host in hosts.hosts:
        host.start(wait=False)

    def is_done(share: float) -> bool:
        return hosts.handled() >= share * events

    wait_until(lambda: is_done(1 / 4), size.seconds, pause=0.5)
    killed.kill()
    wait_until(lambda: is_done(1 / 2), size.seconds, pause=0.5)
    killed.start(wait=False)
    wait_until(lambda: is_done(3 / 4), size.seconds, pause=0.5)
    assert stopped.stop() == 0


def check_letters(hosts: Fleet, office: PostOffice, size: Size) -> None:
    """Each letter arrived once, and never were more on the way than the pace allows, over all hosts together.

    A letter is claimed at its moment of the pace and arrives a little later; so many are between the two as there are slots.
    """
    assert set(Counter(key for _moment, key in office.arrivals).values()) == {1}
    assert len(office.arrivals) == size.letters
    assert office.most_beyond(size.pace) <= 1 + letters.SLOTS
    more_than_one = sum(count for attempts, count in hosts.attempts_of_letters().items() if attempts > 1)
    assert more_than_one <= letters.SLOTS  # those that the killed host held


def check_limits(hosts: Fleet) -> None:
    """The database was asked for more connections than it gives, and no event has spent an attempt on that."""
    put_back = hosts.put_back()
    assert [found for found in put_back if found[0] > 0] == []
    assert "too many connections" in hosts.logs or any("every connection is in use" in why for _attempts, why in put_back)


def check_timer(hosts: Fleet, timer: str) -> None:
    """No time of a timer came up twice, on no two hosts, and no two of its runs overlapped.

    Only a run in the middle of which the host was killed is made up for; it has begun and not ended.
    """
    runs, times = hosts.runs(timer), hosts.times(timer)
    assert runs or timer == "forget_old", f"{timer} has never run"
    assert all(earlier.end <= later.start + CLOCK_SECONDS for earlier, later in pairwise(runs)), f"{timer} overlaps itself"
    twice = [moment for moment, count in Counter(times).items() if count > 1]
    assert len(twice) <= len(times) - len(runs), f"{timer} ran twice for {twice}"
