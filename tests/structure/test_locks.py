"""Each lock that outbox and journeys take is named here, with the race that shows it or the reason for which it is taken."""

import ast
from collections.abc import Iterator

from tests.conftest import ROOT
from tests.lab.races import RACES
from tests.lab.sites import sites
from tests.lab.waits import SKIPS, WAITS
from tests.structure.modules import tree

# Module, function (or prepared statement), helper and table; and the race of tests/lab that shows the lock, or its reason.
LOCKS = {
    "outbox/claims.py _TARGET: locked Target": "a target claimed by two",
    "outbox/claims.py _next: unclaimed Delivery": "a claim of what is being taken back",
    "outbox/claims.py taken_before: held Delivery": "A claim whose result was lost is taken up by the one that made it.",
    "outbox/expired.py free_expired: unclaimed Delivery": "a dead worker found by two",
    "outbox/operator_actions.py _locked: locked Delivery": "A person retries or takes back what a worker may be claiming.",
    "outbox/operator_actions.py _new_sync: locked Delivery": "A retry and a change plan the same sync.",
    "outbox/plan.py _BY_KEY: locked Delivery": "two changes of one subject",
    "outbox/plan.py cancel: locked Delivery": "a cancellation of what is being claimed",
    "outbox/plan.py sync_many: locked Delivery": "Many changes plan what a single change plans as well.",
    "outbox/record.py _take_back_retry: locked Delivery": "A late success takes back the retry that a worker may be claiming.",
    "outbox/record.py write: held Delivery": "an outcome while a change comes",
    "outbox/row_effect.py lock_rows: locked model": "Rows are locked before deliveries, by outcomes as by events.",
    "journeys/beginnings.py _row: locked JourneyBeginning": "Two events of one kind restart one pause.",
    "journeys/beginnings.py prevent: locked JourneyBeginning": "An event prevents what the timer is beginning.",
    "journeys/due_beginnings.py _begin: locked Enrolment": "Enrolments are locked before beginnings, as by an event.",
    "journeys/due_beginnings.py _locked: locked JourneyBeginning": "Two timers begin the same.",
    "journeys/engine.py _may_enter: locked Enrolment": "Two events of one person enrol, by two of its keys.",
    "journeys/engine.py _open_enrolments: locked Enrolment": "Two events end or move one enrolment.",
    "journeys/enrolment_records.py _ENROLMENT: locked Enrolment": "A step is decided upon while an event ends its enrolment.",
    "journeys/memory.py since: locked JourneyEvent": "An ending event arrives while its beginning enrols.",
    "journeys/operator_actions.py end: locked Enrolment": "A person ends what an event is ending.",
    "journeys/pauses.py _open: locked JourneyPause": "Two people pause or resume one journey.",
    "journeys/step_deliveries.py _locked: locked Delivery": "A step is moved or taken back while a worker claims it.",
}
HELPERS = frozenset(("locked", "held", "unclaimed"))
FOLDERS = ("shared/outbox", "shared/journeys")


def taken() -> Iterator[str]:
    """Where a lock is taken: module, function (or the name of a prepared statement), helper and what is locked."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.py")):
            for place, call in _calls(tree(path), ""):
                yield f"{path.relative_to(ROOT / 'shared')} {place}: {ast.unparse(call.func)} {ast.unparse(call.args[1])}"


def _calls(node: ast.AST, place: str) -> Iterator[tuple[str, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        here = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else place
        if isinstance(child, ast.Assign) and not place and isinstance(child.targets[0], ast.Name):
            here = child.targets[0].id
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in HELPERS:
            yield here, child
        yield from _calls(child, here)


def test_every_lock_is_named() -> None:
    """A lock taken away, or moved to other rows, is missed here; a new one says why it is taken."""
    assert sorted(taken()) == sorted(LOCKS)


def test_every_place_that_locks_is_waited_at() -> None:
    """A new lock comes with a way to it: add the place to WAITS of its file in `tests/lab/waiting`, or to SKIPS.

    SKIPS is for a place that must not wait.
    """
    named, there = set(WAITS | SKIPS), set(sites())
    assert there - named == set(), "add each of these to WAITS in tests/lab/waiting/<flow>.py (docs/add-a-flow.md)"
    assert named - there == set(), "these take no lock any more: delete them in tests/lab/waiting"


def test_every_race_shows_a_lock() -> None:
    """A race of the lab belongs to the place that it takes the lock from."""
    shown = {name: place for place, name in LOCKS.items() if name in RACES}
    for name, race in RACES.items():
        module, lock = race.place
        folder, _, file = module.__name__.removeprefix("shared.").partition(".")
        if f"shared/{folder}" in FOLDERS:
            where, _, helper = shown[name].partition(": ")
            assert where.startswith(f"{folder}/{file}.py ")
            assert lock in (where.split()[-1], helper.split()[0]), name
