"""The numbers of the outbox: delays, bounds, circuit."""

from datetime import timedelta

import pytest

from shared import clock
from shared.outbox import circuit
from shared.outbox.policy import HANDLER_POLICY, MESSAGE_POLICY, SYNC_POLICY, RetryPolicy, TargetPolicy
from shared.store.models import Target

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


@pytest.fixture
def no_jitter(monkeypatch):
    """Delays as the tables say."""
    monkeypatch.setattr("shared.clock.jitter", lambda seconds: seconds)


@pytest.mark.usefixtures("no_jitter")
class TestDelays:
    """When a failed attempt is tried again."""

    @pytest.mark.parametrize(
        ("policy", "delays"),
        [
            (SYNC_POLICY, [10, 30, 90, 270, 810, 2430, 7290, 21_600, 21_600, 21_600, 21_600, 21_600, 21_600]),
            (MESSAGE_POLICY, [15, 60, 240, 960, 3600]),
            (HANDLER_POLICY, [2, 6, 18, 54, 162, 486, 1458, 3600, 3600]),
        ],
    )
    def test_table(self, policy, delays):
        """As the docstrings promise; one delay fewer than attempts, since the last failure is the end."""
        assert [policy.delay_seconds(attempt) for attempt in range(1, policy.max_attempts)] == delays

    @pytest.mark.parametrize(
        ("policy", "least", "most"),
        [(SYNC_POLICY, 1.5 * DAY, 2.5 * DAY), (MESSAGE_POLICY, HOUR, 2 * HOUR), (HANDLER_POLICY, 2 * HOUR, 4 * HOUR)],
    )
    def test_whole_span(self, policy, least, most):
        """About two days for a sync, two hours at most for a message, three hours for a handler."""
        assert least <= sum(policy.delay_seconds(attempt) for attempt in range(1, policy.max_attempts)) <= most

    @pytest.mark.parametrize("attempts", [-1, 0, 1])
    def test_first_delay(self, attempts):
        """Fewer than one failed attempt is one."""
        assert RetryPolicy().delay_seconds(attempts) == 10

    def test_any_number_of_attempts(self):
        """No overflow, however often something was tried."""
        assert RetryPolicy().delay_seconds(10**9) == 6 * HOUR

    @pytest.mark.parametrize(("openings", "seconds"), [(1, 15), (2, 30), (3, 60), (6, 480), (7, 600), (10**6, 600)])
    def test_circuit(self, openings, seconds):
        """Doubles with each opening, up to ten minutes."""
        assert TargetPolicy().open_for_seconds(openings) == seconds


def test_delays_are_spread():
    """What failed together does not return together."""
    assert len({SYNC_POLICY.delay_seconds(3) for _ in range(20)}) > 10


@pytest.mark.parametrize(
    ("attempts", "age", "outage", "exhausted"),
    [
        (13, timedelta(0), False, False),
        (14, timedelta(0), False, True),
        (99, timedelta(days=6), True, False),  # an outage costs no attempt
        (0, timedelta(days=7), True, True),  # but it ends some day
        (1, timedelta(days=7), False, True),
    ],
)
def test_exhausted(attempts, age, outage, exhausted):
    """By attempts or by age; during an outage by age alone."""
    assert SYNC_POLICY.exhausted(attempts, age, outage=outage) is exhausted


def test_pace():
    """Batches per second, and the time between two."""
    assert TargetPolicy(batches_per_second=4).interval_seconds == 0.25


@pytest.mark.usefixtures("no_jitter")
class TestCircuit:
    """A system that is down is left alone, probed, and loaded again step by step."""

    POLICY = TargetPolicy()

    @pytest.fixture
    def target(self, test_clock):
        """A target as it is made."""
        return Target(name="odoo", circuit="closed", failures=0, openings=0)

    def fail(self, target, times=1):
        """Let calls fail."""
        for _ in range(times):
            circuit.failed(target, self.POLICY, "down")

    def test_opens_after_three_failures_in_a_row(self, target):
        """Two are not enough; a success in between starts the count anew."""
        self.fail(target, 2)
        circuit.succeeded(target, 100)
        self.fail(target, 2)
        assert circuit.allows(target)
        self.fail(target)
        assert not circuit.allows(target)
        assert target.last_error == "down"

    def test_is_probed_with_one_when_its_time_is_up(self, target, test_clock):
        """Not a moment sooner; then one batch of one."""
        self.fail(target, 3)
        test_clock.advance(seconds=14.9)
        assert not circuit.allows(target)
        test_clock.advance(seconds=0.2)
        assert circuit.allows(target)
        assert circuit.limit(target, 100) == 1

    def test_ramps_up_by_doubling(self, target, test_clock):
        """1, 2, 4, 8, and then whatever the batch may hold."""
        self.fail(target, 3)
        test_clock.advance(minutes=1)
        circuit.allows(target)
        sizes = []
        for _ in range(5):
            sizes.append(circuit.limit(target, 100))
            circuit.succeeded(target, 100)
        assert sizes == [1, 2, 4, 8, 100]
        assert (target.circuit, target.openings) == ("closed", 0)

    def test_small_batches_are_whole_again_sooner(self, target, test_clock):
        """A target of batches of one is trusted after one success."""
        self.fail(target, 3)
        test_clock.advance(minutes=1)
        circuit.allows(target)
        circuit.succeeded(target, 1)
        assert target.circuit == "closed"

    def test_failed_probe_opens_it_for_longer(self, target, test_clock):
        """One failure is enough, and the next wait is twice as long."""
        self.fail(target, 3)
        test_clock.advance(seconds=15)
        circuit.allows(target)
        self.fail(target)
        assert target.closed_until == clock.now() + timedelta(seconds=30)
        assert circuit.limit(target, 100) == 100

    @pytest.mark.parametrize(("asked", "seconds"), [(120, 120), (0, 0), (None, 10)])
    def test_throttled(self, target, asked, seconds):
        """As long as the system asks for; ten seconds where it does not say."""
        circuit.throttled(target, asked)
        assert target.next_call_at == clock.now() + timedelta(seconds=seconds)

    def test_throttling_never_shortens_a_pause(self, target):
        """The longer of two counts."""
        circuit.throttled(target, 600)
        circuit.throttled(target, 5)
        assert target.next_call_at == clock.now() + timedelta(seconds=600)

    def test_long_errors_are_cut(self, target):
        """What the system said has to fit its column."""
        circuit.failed(target, self.POLICY, "x" * 5000)
        assert len(target.last_error) == 1000
