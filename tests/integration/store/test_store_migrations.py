"""Migrations: from nothing to the newest schema and back, step by step, with data in place; the models say the same."""

import shutil

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.crm.stages import DEFAULT_STAGES, stage_key
from shared.store import session as store
from shared.store.migrate import ALEMBIC_INI, upgrade
from shared.store.models import Base, Delivery, Opportunity, StageMapping


@pytest.fixture
def engine(tmp_path):
    """An empty SQLite file. On a real server the tables are made once, by the fixture `database`."""
    engine = store.make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    yield engine
    engine.dispose()


def config(engine):
    """Alembic's configuration for one database."""
    found = Config(ALEMBIC_INI)
    found.attributes["engine"] = engine
    return found


def tables(engine):
    """The tables there are, without alembic's own."""
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def schema(engine):
    """Everything that SQLite says of its tables and indexes.

    Constraints in their alphabet: where a migration copies a table, their order is that of a set, and means nothing.
    """
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    return sorted((name, _in_order(sql)) for name, sql in rows)


def _in_order(sql):
    columns, *constraints = sql.removesuffix("\n)").split("\tCONSTRAINT ")
    return columns, sorted(one.rstrip(", \n") for one in constraints)


def revisions():
    """All revisions, the first one first."""
    return [script.revision for script in ScriptDirectory.from_config(Config(ALEMBIC_INI)).walk_revisions()][::-1]


def test_one_line_of_revisions():
    """No two migrations claim the same place."""
    assert len(ScriptDirectory.from_config(Config(ALEMBIC_INI)).get_heads()) == 1


def test_from_nothing(engine):
    """All tables of the models, and the stage map filled."""
    upgrade(engine)
    assert tables(engine) == set(Base.metadata.tables)
    with engine.connect() as connection:
        found = connection.execute(sa.select(StageMapping.manychat_key, StageMapping.odoo_stage_id)).all()
        assert dict(map(tuple, found)) == {stage_key(stage.manychat_name): stage.odoo_stage_id for stage in DEFAULT_STAGES}


def test_models_and_migrations_agree(engine):
    """Alembic finds nothing that a migration has yet to do: no column, type, index, constraint or NULL apart."""
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_running_them_again_changes_nothing(engine):
    """Every deployment runs them."""
    upgrade(engine)
    before = schema(engine)
    upgrade(engine)
    assert schema(engine) == before


@pytest.mark.slow
def test_down_to_nothing_and_up_again(engine):
    """Each step can be taken back, and then taken again."""
    upgrade(engine)
    before = schema(engine)
    command.downgrade(config(engine), "base")
    assert tables(engine) == set()
    upgrade(engine)
    assert schema(engine) == before


@pytest.fixture(scope="module")
def reached():
    """The SQLite file of each revision that a test has reached: the next test goes on from the last one of them."""
    return {}


NEWEST = 8  # of the older ones each was tried when it was made; all of them where time allows it


@pytest.mark.parametrize(
    "revision",
    [*(pytest.param(one, marks=pytest.mark.slow) for one in revisions()[1:-NEWEST]), *revisions()[-NEWEST:]],
)
@pytest.mark.share(3)
def test_each_step_back_and_forth(engine, reached, revision):
    """Up to a revision, one step back, and up: the schema is what it was before."""
    if (known := reached.get(revisions()[revisions().index(revision) - 1])) is not None:
        shutil.copy(known, engine.url.database)
    upgrade(engine, revision)
    engine.dispose()  # so that all of it is in the file
    reached[revision] = shutil.copy(engine.url.database, f"{engine.url.database}.reached")
    before = schema(engine)
    command.downgrade(config(engine), "-1")
    assert schema(engine) != before
    upgrade(engine, revision)
    assert [line[0] for line in schema(engine)] == [line[0] for line in before]


def test_data_of_the_first_version_survives(engine):
    """What was stored by the first release is there after all migrations, and new columns have their values."""
    upgrade(engine, revisions()[0])
    dated = {"created_at": "2026-03-01 10:00:00.000000", "updated_at": "2026-03-01 10:00:00.000000"}
    person = {"id": 1, "manychat_id": "m1", "fact_times": "{}", **dated}
    delivery = {"id": 1, "kind": "sync", "target": "odoo", "action": "opportunity", "subject": "m1", "dedupe_key": "k", **dated}
    delivery |= {"state": "pending", "due_at": dated["created_at"], "attempts": 0, "wanted": 1, "claimed": 0}
    with engine.begin() as connection:
        insert(connection, "channels", {"id": 1, "key": "k", "name": "WhatsApp", **dated})
        insert(connection, "contacts", person | {"first_name": "José 🌷", "channel_id": 1})
        insert(connection, "opportunities", person | {"contact_id": 1, "stage_id": 16})
        insert(connection, "deliveries", delivery)
    upgrade(engine)
    with store.reading(engine) as session:
        contact = session.scalars(sa.select(Opportunity)).unique().one().contact
        assert (contact.first_name, contact.channel.name) == ("José 🌷", "WhatsApp")
        assert session.scalars(sa.select(Delivery)).one().state == "pending"


def insert(connection, table, values):
    """Put a row into a table as it is at that moment; the models may be ahead of it."""
    columns = [sa.column(name) for name in values]
    connection.execute(sa.table(table, *columns).insert().values(values))


def test_migrating_needs_no_other_setting(engine, tmp_path, monkeypatch):
    """The command-line tool asks for the database alone."""
    for name in ("AzureWebJobsStorage", "API_KEYS", "ODOO_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new' / 'folder' / 'puente.db'}")
    upgrade()
    assert (tmp_path / "new" / "folder" / "puente.db").exists()
