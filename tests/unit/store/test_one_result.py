"""One result at a time for each connection, as Azure SQL has it: what the guard in all tests complains about."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from shared import clock
from shared.privacy import blobs
from shared.privacy.person import Person
from shared.store.models import Advisor, DeadLetter
from shared.store.session import make_engine, reading, transact
from tests.support.one_result import BusyConnectionError


@pytest.fixture
def sqlite(migrated_file: Path, tmp_path: Path) -> Iterator[Engine]:
    """A SQLite database whatever the tests run against, with two advisors: one row that is read leaves another."""
    shutil.copy(migrated_file, tmp_path / "one.db")
    engine = make_engine(f"sqlite:///{tmp_path / 'one.db'}")
    transact(lambda session: session.add_all([Advisor(name="a"), Advisor(name="b")]), engine)
    yield engine
    engine.dispose()


def test_a_second_result_is_refused(sqlite: Engine) -> None:
    """A statement cannot run while the rows of an earlier one are unread."""
    with reading(sqlite) as session:
        first = session.scalars(select(Advisor))
        with pytest.raises(BusyConnectionError, match="unread: SELECT"):
            session.scalars(select(Advisor)).all()
        del first


def test_a_result_that_was_read_is_no_hindrance(sqlite: Engine) -> None:
    """Read to its end, cut short by `first`, closed, or dropped: all of them free the connection."""
    with reading(sqlite) as session:
        whole = session.scalars(select(Advisor)).all()
        first = session.scalars(select(Advisor)).first()
        session.scalars(select(Advisor)).close()
        for row in session.scalars(select(Advisor)):
            assert session.scalars(select(Advisor.id).where(Advisor.id == row.id)).one() == row.id
        assert first in whole


def test_blobs_of_a_person_are_found_one_result_after_another(database: Engine) -> None:
    """A person can be erased on Azure SQL: events are read before letters are asked for."""
    with reading() as session:
        assert blobs.of(session, Person(pseudonym="gone", manychat_ids=("m1",))) == []


def test_a_letter_of_brackets_does_not_stop_an_erasure() -> None:
    """A dead letter may hold anything that was on a queue; whose it is, it does not say, and no blob of its event."""
    letter = DeadLetter(key="k" * 32, error_time=clock.now(), original_event="[" * 60_000)
    assert len(list(blobs._of_letter(letter))) == 1
