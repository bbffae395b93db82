"""One result at a time for each connection, as Azure SQL has it: what the guard in all tests complains about."""

import pytest
from shared.privacy.who import Person
from sqlalchemy import Engine, select

from shared.privacy import blobs
from shared.store.models import Advisor
from shared.store.session import reading, transact
from tests.support.one_result import BusyConnectionError


def seed() -> None:
    """Two rows, so that one read row leaves another."""
    transact(lambda session: session.add_all([Advisor(name="a"), Advisor(name="b")]))


def test_a_second_result_is_refused(database: Engine) -> None:
    """A statement cannot run while the rows of an earlier one are unread."""
    seed()
    with reading() as session:
        first = session.scalars(select(Advisor))
        with pytest.raises(BusyConnectionError, match="unread: SELECT"):
            session.scalars(select(Advisor)).all()
        del first


def test_a_result_that_was_read_is_no_hindrance(database: Engine) -> None:
    """Read to its end, cut short by `first`, closed, or dropped: all of them free the connection."""
    seed()
    with reading() as session:
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
