"""ManyChat's contacts as people: the number that WhatsApp names is proven, everything else was typed."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shared.crm import people
from shared.store.people_models import Identity
from shared.store.session import reading, transact

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(("channel", "proven"), [("WhatsApp", True), ("whatsapp ", True), ("Instagram", False), (None, False)])
def test_a_number_is_proven_where_whatsapp_names_it(database: Engine, channel: str | None, proven: bool) -> None:  # noqa: FBT001  # a column of the table
    """In other channels somebody typed the number."""

    def work(session: Session) -> None:
        contact = people.locked_contact(session, "991")
        facts = {"phone": "55 1234 5678", "email": "ana@example.com", "channel": channel}
        people.merge_person(session, contact, NOW, "key", **facts)

    transact(work, database)
    with reading(database) as session:
        found = {row.kind: row.is_proven for row in session.scalars(select(Identity))}
    assert found == {"manychat": True, "phone": proven, "email": False}
