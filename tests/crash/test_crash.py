"""The host dies (SIGKILL) at every named point and at random moments under load. Nothing is lost, nothing happens twice."""

import importlib
import pkgutil
import random
import time
from collections.abc import Sequence

import pytest

import functions
import shared
from devhost.testing import wait_until
from shared import faults
from tests.crash import ledger
from tests.crash.load import make_load
from tests.crash.rig import QUIET_SECONDS, Rig, Senders

# Each start of the host gets the next of these; how likely a point is to kill follows from how often it is passed.
HANDLER = (
    "inbox.before_commit=kill:0.03",
    "inbox.after_commit=kill:0.03",
    "inbox.after_nudge=kill:0.03",
    "inbox.before_commit=raise:0.3,inbox.after_requeue=kill:0.3",
)
EXECUTOR = ("outbox.after_claim=kill:0.9", "outbox.after_call=kill:0.9", "outbox.after_record=kill:0.9")
OTHERWISE_TESTED = {
    "broadcasts.after_chunk",  # in tests/functions/broadcasts/test_broadcast_api.py
    "broadcasts.after_fold",  # in tests/functions/broadcasts/test_broadcast_counts.py
    "broadcasts.after_forecast_chunk",  # in tests/functions/broadcasts/test_broadcast_forecast.py
    "broadcasts.after_list_batch",  # in tests/functions/broadcasts/test_broadcast_uploads.py
    "broadcasts.after_schedule_claim",  # in tests/functions/broadcasts/test_schedule_api.py
    "broadcasts.after_start",  # in tests/functions/broadcasts/test_running_crashes.py and test_crash_broadcasts.py
    "broadcasts.after_planned_page",
    "broadcasts.after_finish",
    "tickets.after_files",  # in tests/functions/tickets/test_tickets.py
    "plans.after_page",  # in tests/functions/console/test_console_stopped.py
    "deadletter.after_send",  # in test_crash_dead_letters.py
    "deadletter.after_replay_sent",
    "deadletter.after_kept",  # in tests/unit/intake/test_intake_deadletter.py
    "deadletter.after_returned",  # in tests/integration/test_unstored.py
    "importer.after_batch",  # in tests/unit/importer/test_move.py
    "intake.before_release",  # in tests/unit/intake/test_flow_pauses.py
    "intake.after_release",
    "invoices.after_plan",  # in tests/functions/invoices/test_invoice_reminders.py
    "odoo.after_record",  # in tests/flows/test_odoo_changes.py
    "odoo.before_cursor",
    "retention.after_page",  # in tests/unit/test_retention.py
}
RANDOM_DEATHS = 5


def test_every_point_is_crashed_at() -> None:
    """A new fault point must be added here before it can be forgotten."""
    for package in (shared, functions):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in module.name:  # Alembic runs those, and only it can
                importlib.import_module(module.name)
    assert {text.rpartition(",")[2].partition("=")[0] for text in HANDLER + EXECUTOR} | OTHERWISE_TESTED == faults.POINTS


@pytest.mark.host
@pytest.mark.parametrize(
    ("deaths", "posts"),
    [
        pytest.param(HANDLER * 2, 500, marks=pytest.mark.slow, id="handler"),
        pytest.param(EXECUTOR, 500, marks=pytest.mark.slow, id="executor"),
        pytest.param(EXECUTOR[1:2], 60, id="executor, called and not recorded, under a small load"),
    ],
)
def test_killed_at_the_fault_points(rig: Rig, seed: int, deaths: Sequence[str], posts: int) -> None:
    """The host dies at one point after another while events come in; after the last start the books are right."""
    load = make_load(seed, posts=posts)
    with Senders(rig.host, load.posts) as sending:
        rig.survive(sending, deaths)
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
    assert set(rig.deaths) == set(deaths)
    rig.host.stop()
    ledger.check(rig, load, sending.accepted)


@pytest.mark.slow
@pytest.mark.host
def test_killed_at_random_moments(rig: Rig, seed: int) -> None:
    """The host dies wherever it happens to be."""
    load, chance = make_load(seed), random.Random(seed)  # noqa: S311  # a moment, no secret
    with Senders(rig.host, load.posts) as sending:
        for _ in range(RANDOM_DEATHS):
            rig.start()
            time.sleep(chance.uniform(0.6, 1.8))  # the moment of death is the one thing here that is no condition
            rig.host.kill()
        rig.start()
        wait_until(lambda: sending.done and rig.is_quiet(sending.accepted), QUIET_SECONDS, pause=0.2)
    assert sending.accepted
    rig.host.stop()
    ledger.check(rig, load, sending.accepted)
