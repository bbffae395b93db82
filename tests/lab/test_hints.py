"""Every race's lock stands in the statement that Azure SQL gets; with the lock taken away it does not."""

from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.dialects import mssql, postgresql, sqlite
from sqlalchemy.orm import Session

from shared.store.dialect import held, locked, unclaimed
from shared.store.models import Contact, Delivery
from shared.store.session import rehearse
from tests.lab.races import RACES, Race

each_race = pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())
# Names are held on PostgreSQL alone: on Azure SQL the hint of the statement that follows does it, which has races of its own.
HINTED = {name: race for name, race in RACES.items() if race.place[1] != "hold_names"}


def locks_taken(engine: Engine, race: Race) -> list[str]:
    """The statements of the race's second transaction that lock rows of its table, as T-SQL. Everything is as before then."""
    found: list[str] = []

    def note(state: Any) -> None:
        if state.is_select:
            found.append(str(state.statement.compile(dialect=mssql.dialect())))

    def whole(session: Session) -> None:
        race.before(session)
        session.flush()
        event.listen(session, "do_orm_execute", note)
        race.second(session)

    rehearse(whole, engine)
    return [text for text in found if f"FROM {race.table} WITH (UPDLOCK" in text]


@each_race
def test_lock_is_in_the_statement(lab: Engine, race: Race) -> None:
    """Azure SQL is asked for the lock."""
    assert locks_taken(lab, race)


@pytest.mark.parametrize("race", HINTED.values(), ids=HINTED.keys())
def test_hint_is_missed_without_its_lock(lab: Engine, race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the place's lock taken away, a statement fewer asks for it."""
    with_lock = len(locks_taken(lab, race))
    race.without_lock(monkeypatch)
    assert len(locks_taken(lab, race)) < with_lock


@pytest.mark.parametrize(
    ("helper", "hint", "clause"),
    [
        (locked, "WITH (UPDLOCK, HOLDLOCK, ROWLOCK)", "FOR NO KEY UPDATE OF contacts"),
        (held, "WITH (UPDLOCK, ROWLOCK)", "FOR NO KEY UPDATE OF contacts"),
        (unclaimed, "WITH (UPDLOCK, READPAST, ROWLOCK)", "FOR NO KEY UPDATE OF contacts SKIP LOCKED"),
    ],
)
def test_helpers_on_each_database(helper: Any, hint: str, clause: str) -> None:
    """Each helper's lock as each database writes it; SQLite has none."""
    query = helper(select(Contact.id), Contact)
    assert str(query.compile(dialect=mssql.dialect())).endswith(f"FROM contacts {hint}")
    assert str(query.compile(dialect=postgresql.dialect())).endswith(f"FROM contacts {clause}")
    assert str(query.compile(dialect=sqlite.dialect())).endswith("FROM contacts")


def test_joined_rows_are_not_locked() -> None:
    """Only the rows of the model that is named are held."""
    query = locked(select(Delivery.id).join(Contact, Contact.manychat_id == Delivery.subject), Delivery)
    assert str(query.compile(dialect=postgresql.dialect())).endswith("FOR NO KEY UPDATE OF deliveries")
    assert "contacts WITH" not in str(query.compile(dialect=mssql.dialect()))
