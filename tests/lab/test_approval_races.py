"""Two people decide one approval in one second, or somebody does while its time ends: one word counts, and follows once."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared import approvals, clock
from shared.approvals import decisions
from shared.approvals.approval import Verdict
from shared.crm import editing
from tests.functions.approvals.conftest import Desk, desk  # noqa: F401  # the fixture
from tests.lab.together import together

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="races need PostgreSQL: make test-lab"
    ),
]
Work = Callable[[Session], Any]


def says(who: str, verdict: Verdict) -> Work:
    """Somebody's button, in its transaction."""
    return lambda session: decisions.decide(session, 1, verdict, who, None, f"link:{who}")


def expires(session: Session) -> Any:
    """The job that ends what nobody has decided in time."""
    return decisions._expire_one(session, 1)


def withdraws(session: Session) -> Any:
    """The flow that waited wants it no more."""
    return approvals.withdraw(session, "broadcast", "execution-1", "ana")


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (says("bruno", "approved"), says("carla", "rejected"), "approved"),
        (says("carla", "rejected"), says("bruno", "approved"), "rejected"),
        (withdraws, says("bruno", "approved"), "withdrawn"),
        (says("bruno", "approved"), withdraws, "approved"),
    ],
)
def test_first_word_counts_and_follows_once(lab: Engine, desk: Desk, first: Work, second: Work, state: str) -> None:  # noqa: F811
    """Whoever waits for the row finds it decided."""
    desk.ask()
    together(lab, first, second)
    assert (desk.row(1).state, [one.outcome for one in desk.decided]) == (state, [state])


def test_press_at_the_end_of_the_time_ends_it_once(lab: Engine, desk: Desk, test_clock: clock.TestClock) -> None:  # noqa: F811
    """The press comes too late, and the job that waits for it finds nothing left to do."""
    desk.ask(expires_at=clock.now() + timedelta(hours=1))
    test_clock.advance(hours=1)
    together(lab, says("bruno", "approved"), expires)
    assert (desk.row(1).state, [one.outcome for one in desk.decided]) == ("expired", ["expired"])


def test_without_the_lock_both_words_follow(lab: Engine, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The same race, the lock taken away: the first test would fail."""
    desk.ask()
    monkeypatch.setattr(editing, "locked", lambda query, _model: query)
    together(lab, says("bruno", "approved"), says("carla", "rejected"))
    assert sorted(one.outcome for one in desk.decided) == ["approved", "rejected"]
