"""Fixtures of the concurrency lab: one target with one slot and two actions on it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.policy import TargetPolicy
from tests.lab.races import CARD, LETTER, TARGET
from tests.support.vendors import registered


@pytest.fixture
def lab(database: Engine, storage, test_clock) -> Iterator[Engine]:
    """The database that races run on, with the actions that they plan."""

    def execute(batch):
        return {one.id: Done() for one in batch}

    letter = Action(
        target=TARGET,
        name=LETTER,
        kind=Kind.MESSAGE,
        execute=execute,
        batch_size=lambda: 1,
        after_unknown=AfterUnknown.ASK_A_PERSON,
    )
    card = Action(target=TARGET, name=CARD, kind=Kind.SYNC, execute=execute)
    with registered(letter), registered(card, TargetPolicy(slots=1, batches_per_second=1e9)):
        yield database
