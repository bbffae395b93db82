"""The people of rows that were stored before anything noted who they are."""

import pytest
from sqlalchemy import Engine, select

from shared.people import backfill
from shared.people.__main__ import main
from shared.store.models import Contact
from shared.store.people_models import Identity
from shared.store.session import reading, transact


def test_all_flows_rows_are_taken_in_once(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every contact gets its person, over several transactions; a second run adds nothing."""
    monkeypatch.setattr(backfill, "ROWS_AT_ONCE", 2)
    contacts = [Contact(manychat_id=str(number), email=f"p{number}@example.com") for number in range(1, 6)]
    transact(lambda session: session.add_all(contacts), database)
    for _ in range(2):
        lines: list[str] = []
        assert main(lines.append, database) == 0
        assert "contacts: 5 rows\n" in lines
        with reading(database) as session:
            proven = session.scalars(select(Identity.person_id).where(Identity.is_proven)).all()
            assert len(proven) == len(set(proven)) == 5
            assert len(session.scalars(select(Identity)).all()) == 10
