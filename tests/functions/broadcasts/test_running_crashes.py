"""The job that runs executions dies at every one of its points: nobody is lost, nobody gets it twice."""

import re
from contextlib import suppress
from pathlib import Path

import pytest

from functions.broadcasts import running
from shared import faults
from tests.functions.broadcasts.posting import Post

POINTS = (
    "broadcasts.after_start",
    "broadcasts.after_planned_page",
    "broadcasts.after_finish",
    "outbox.after_claim",
    "outbox.after_record",
)


@pytest.mark.share(2)
@pytest.mark.parametrize("point", POINTS)
def test_death_at_a_point_loses_and_repeats_nobody(post: Post, point: str) -> None:
    """It dies there in each of the first rounds; afterwards everybody has got one message, and the execution is over."""
    execution_id = post.begin(30, rate_limit_per_hour=1000)
    faults.inject(f"{point}=raisex3")
    for _ in range(4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running.log, "exception", lambda *_words: None)
            with suppress(faults.InjectedFault):
                post.step()
        post.clock.advance(seconds=60)
    faults.inject("")
    post.go(600)
    phones = post.phones()
    assert (len(phones), len(set(phones))) == (30, 30)
    assert post.recipients() == {"completed": 30}
    assert post.execution(execution_id).status == "completed"


def test_every_point_of_running_is_tried() -> None:
    """A new point of the job is missed here."""
    sources = Path(running.__file__).parent.glob("running*.py")
    found = {name for source in sources for name in re.findall(r'faults\.point\("([^"]+)"\)', source.read_text())}
    assert found
    assert found <= set(POINTS)
