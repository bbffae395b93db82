"""Many recipients on the simulated clock: everybody once, and in no hour one more than the rate allows."""

import pytest

from shared.settings import get_settings
from tests.functions.broadcasts.posting import Post

OPEN_ALL_DAY = {"QUIET_HOURS": "00:00-00:00", "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun", "HOLIDAYS_COUNTRY": "XX"}
HOURS = 5


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(1_000, marks=pytest.mark.slow),
        pytest.param(100_000, marks=pytest.mark.nightly),
    ],
)
def test_exact_rate(post: Post, environment: pytest.MonkeyPatch, people: int) -> None:
    """A fifth of them each hour, evenly, and after five hours and a bit they are through."""
    rate = people // HOURS
    for name, value in (OPEN_ALL_DAY | {"BROADCAST_MAX_RATE_PER_HOUR": str(rate)}).items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    execution_id = post.begin(people, rate_limit_per_hour=1_000_000, max_concurrent_executions=500)
    start = post.clock.moment
    while post.execution(execution_id).status != "completed":
        post.step()
        post.clock.advance(seconds=30 if people > 1000 else 120)
        assert (post.clock.moment - start).total_seconds() < (HOURS + 0.5) * 3600
    phones = post.phones()
    assert (len(phones), len(set(phones))) == (people, people)
    assert post.most_in_an_hour() <= rate
    found = post.counted(execution_id)
    assert {name: found[name] for name in ("total", "sent", "completed", "ended")} == dict.fromkeys(
        ("total", "sent", "completed", "ended"), people
    )
