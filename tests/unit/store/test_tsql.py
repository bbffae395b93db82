"""Azure SQL takes the migrations, and every statement of the engine: two T-SQL parsers read them, as no server is at hand."""

import io
from contextlib import redirect_stdout

import pytest
import sqlglot
from alembic import command
from alembic.config import Config

from shared.outbox import dispatch
from shared.store import dialect
from shared.store.migrate import ALEMBIC_INI
from shared.store.session import transact
from tests.support import tsql
from tests.support.vendors import lead_sync, postman
from tests.support.world import contact, opportunity


def parsed(text):
    """The statements in `text`; an error where one of them is no T-SQL."""
    return [statement for statement in sqlglot.parse(text, read="tsql", error_level=sqlglot.ErrorLevel.RAISE) if statement]


def migration_script(direction):
    """What alembic would send to Azure SQL."""
    written = io.StringIO()
    config = Config(ALEMBIC_INI, output_buffer=written)
    config.cmd_opts = type("Options", (), {"x": ["dialect=mssql"]})()
    with redirect_stdout(written):
        direction(config)
    return written.getvalue()


def batches(script):
    """The script cut at GO, which is a word of the tools and not of the server."""
    return [batch.strip() for batch in script.replace("\r", "").split("\nGO\n") if batch.strip()]


def test_migrations_are_tsql(environment):
    """`alembic upgrade head --sql -x dialect=mssql` makes every table, with Unicode texts and DATETIME2 in UTC."""
    script = migration_script(lambda config: command.upgrade(config, "head", sql=True))
    statements = [statement for batch in batches(script) for statement in parsed(batch)]
    assert sum(statement.key == "create" for statement in statements) > 40
    script = script.replace("version_num VARCHAR(32)", "")  # alembic's own table
    for word in (" VARCHAR(", " TEXT", " DATETIME ", " DATETIME,", "AUTOINCREMENT", " BOOLEAN"):
        assert word not in script, word
    assert "WHERE dedupe_key IS NOT NULL" in script


def test_no_column_has_a_collation_of_its_own(environment):
    """All have the database's, which is binary; one that differed could not be compared with the others."""
    assert "COLLATE" not in migration_script(lambda config: command.upgrade(config, "head", sql=True)).upper()


def test_names_are_in_lower_case():
    """In a database with a binary collation `State` is another column than `state`."""
    from shared import flows
    from shared.store.models import Base

    flows.load_tables()

    names = [name for table in Base.metadata.tables.values() for name in (table.name, *table.columns.keys())]
    names += [index.name for table in Base.metadata.tables.values() for index in table.indexes]
    assert [name for name in names if name != name.lower()] == []


def test_ids_that_differ_in_case_are_two_people(world):
    """And so are their events, their syncs and their rows."""
    for manychat_id in ("a1", "A1"):
        world.post("contact", contact(manychat_id))
        world.post("opportunity", opportunity(manychat_id))
    with lead_sync() as odoo:
        world.run()
    assert odoo.leads == {"a1": 16, "A1": 16}


@pytest.fixture
def statements():
    """Whatever is executed from here on, as Azure SQL would get it."""
    with tsql.recorded() as found:
        yield found


def test_statements_of_the_engine_are_tsql(world, test_clock, statements):
    """Claims, records, what a dead worker held, requeuing, syncs asked for: all of it parses, and locks rows by hints."""
    with lead_sync(), postman() as (_person, action):
        from shared.outbox import plan

        world.post("contact", contact())
        world.post("opportunity", opportunity())
        world.post("opportunity", opportunity("m2", stage=99))
        transact(lambda session: plan.message(session, action, "ana", "k1", {"text": "Hola"}))
        world.run_for(test_clock, minutes=2)
        dispatch.free_expired()
        dispatch.requeue_lost()
    texts = {tsql.compiled(statement) for statement in statements}
    assert len(texts) > 15
    for text in texts:
        tsql.check(text)
    everything = "\n".join(texts)
    assert "FROM deliveries WITH (UPDLOCK, READPAST, ROWLOCK)" in everything
    assert "deliveries.state = 'pending'" in everything  # written out, or the filtered index would not be used
    assert "FROM targets WITH (UPDLOCK, HOLDLOCK, ROWLOCK)" in everything


def test_insertions_are_tsql(world, environment):
    """Every INSERT that does nothing where its key is taken is one statement that holds the gap it looked into."""
    made = []
    real = dialect.insert_if_absent_statement

    def note(_name, model, unique, columns):
        made.append(real("mssql", model, unique, columns))
        return real(_name, model, unique, columns)

    environment.setattr(dialect, "insert_if_absent_statement", note)
    with lead_sync():
        world.post("contact", contact(canal_entrada="WhatsApp"))
        world.post("opportunity", opportunity())
        world.run()
    tables = {statement.table.name for statement in made}
    assert {"inbox", "channels", "targets"} <= tables
    assert not {"contacts", "opportunities"} & tables  # the gap was locked by the look for them, so they are plain INSERTs
    for statement in made:
        text = tsql.compiled(statement)
        tsql.check(text)
        assert "WITH (UPDLOCK, HOLDLOCK, ROWLOCK)" in text
        assert "OUTPUT" not in text  # it would hide how many rows were inserted
