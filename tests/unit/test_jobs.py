"""The jobs of the flows, run by the engine's timers."""

import pytest

from shared import flows, jobs
from shared.errors import UnavailableError
from shared.flow import Job, Rhythm


@pytest.mark.parametrize(
    "error", [UnavailableError("the database is away"), ZeroDivisionError("a mistake")], ids=["away", "mistake"]
)
def test_one_that_fails_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Its error is logged under its name; those after it run, and what they did is counted."""

    def fail() -> int:
        raise error

    work = {"x:fails": fail, "x:idle": lambda: 0, "x:works": lambda: 3}
    planned = [("shop", Job(name=run[2:], rhythm=Rhythm.NIGHT, run=run)) for run in work]
    monkeypatch.setattr(flows, "jobs", lambda rhythm: planned if rhythm is Rhythm.NIGHT else [])
    monkeypatch.setattr(flows, "resolve", work.__getitem__)
    assert jobs.run(Rhythm.NIGHT) == {"shop.works": 3}
    assert "shop.fails" in caplog.text
    assert str(error) in caplog.text
    assert jobs.run(Rhythm.MINUTE) == {}
