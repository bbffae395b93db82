"""A limit takes so many on average and so many at once, by whatever clock."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.limits import Bucket


@given(
    per_second=st.floats(0.5, 50),
    burst=st.floats(1, 20),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_never_takes_more_than_it_may(per_second: float, burst: float, pauses: list[float]) -> None:
    """In any stretch of time at most what fits at once and what time allows; and after the wait that it names, one more."""
    now = 0.0
    bucket = Bucket(per_second, burst, clock=lambda: now)
    taken: list[float] = []
    for pause in pauses:
        now += pause
        wait = bucket.take()
        if wait:
            now += wait + 1e-6
            assert bucket.take() == 0
        taken.append(now)
    for place, start in enumerate(taken):
        for count, end in enumerate(taken[place:], 1):
            assert count <= burst + (end - start) * per_second + 1e-3


def test_zero_is_no_limit_and_another_limit_begins_full() -> None:
    """A clock that stands still does not matter then."""
    bucket = Bucket(0, 1, clock=lambda: 5.0)
    assert [bucket.take() for _ in range(1000)] == [0.0] * 1000
    bucket.set(2)
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.5]
    assert bucket.left == 0
    bucket.set(0.5)
    assert [bucket.take() for _ in range(2)] == [0.0, 2.0]
