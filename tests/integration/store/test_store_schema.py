"""The schema as Azure SQL gets it: Unicode texts, exact times, and index keys that it can hold."""

import io
from contextlib import redirect_stdout

import pytest
import sqlglot
from alembic import command
from alembic.config import Config
from sqlglot import exp

from shared.store.migrate import ALEMBIC_INI
from shared.store.models import Base

# "Maximum capacity specifications for SQL Server" on learn.microsoft.com.
NONCLUSTERED_KEY_BYTES, CLUSTERED_KEY_BYTES = 1700, 900
TABLES = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
BYTES = {"BIGINT": 8, "INT": 4, "INTEGER": 4, "BIT": 1, "DATETIME2": 8, "NUMERIC": 9, "DECIMAL": 9, "DATE": 3, "TIME": 5}


@pytest.fixture(scope="module")
def columns():
    """Table and column -> type, as the migrations leave them on Azure SQL."""
    found = {}
    for statement in statements():
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            table = statement.this.this.name
            found |= {(table, each.name): each.kind for each in statement.this.find_all(exp.ColumnDef)}
        elif isinstance(statement, exp.Alter):
            found |= {(statement.this.name, each.name): each.kind for each in statement.find_all(exp.ColumnDef)}
    return found


def statements():
    """Every statement of `alembic upgrade head --sql -x dialect=mssql`."""
    written = io.StringIO()
    settings = Config(ALEMBIC_INI, output_buffer=written)
    settings.cmd_opts = type("Options", (), {"x": ["dialect=mssql"]})()
    with redirect_stdout(written):
        command.upgrade(settings, "head", sql=True)
    for batch in written.getvalue().split("\nGO\n"):
        yield from filter(None, sqlglot.parse(batch, read="tsql"))


def size(kind):
    """Bytes that a value of this type takes in an index key; None where it cannot be in one."""
    name = kind.this.value.upper()
    if name == "NVARCHAR":
        length = kind.expressions[0].name
        return None if length.upper() == "MAX" else 2 * int(length)
    return BYTES[name]


def keys(table):
    """Name, columns and whether it is the clustered one, of everything that Azure SQL keeps an index for."""
    yield "primary key", table.primary_key.columns, True
    for index in table.indexes:
        yield index.name, index.columns, False
    for constraint in table.constraints:
        if type(constraint).__name__ == "UniqueConstraint":
            yield constraint.name, constraint.columns, False


def test_every_table_is_made(columns):
    """The script has all columns of all models."""
    wanted = {(table.name, column.name) for table in TABLES for column in table.columns}
    assert wanted <= set(columns)


def test_types(columns):
    """No type that loses anything: texts are Unicode, times are DATETIME2 with microseconds."""
    del columns["alembic_version", "version_num"]  # alembic's own, plain letters and digits
    for (table, name), kind in columns.items():
        word = kind.sql(dialect="tsql").upper()
        assert word.split("(")[0] in {"NVARCHAR", *BYTES}, (table, name, word)
        assert "DATETIME2" not in word or "6" in word, (table, name, word)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_index_keys_fit(columns, table):
    """A longer key would be refused when the row is written, not when the index is made."""
    for name, key, clustered in keys(table):
        sizes = [size(columns[table.name, column.name]) for column in key]
        assert None not in sizes, f"{table.name}.{name} holds a text without a bound"
        assert sum(sizes) <= (CLUSTERED_KEY_BYTES if clustered else NONCLUSTERED_KEY_BYTES), (table.name, name, sum(sizes))


def test_unique_columns_that_may_be_null_are_filtered():
    """SQL Server takes a second NULL in a unique index for a repetition, unlike SQLite; a filter leaves the NULLs out."""
    for table in TABLES:
        for index in table.indexes:
            if index.unique and any(column.nullable for column in index.columns):
                assert index.dialect_options["mssql"]["where"] is not None, index.name
        for constraint in table.constraints:
            if type(constraint).__name__ == "UniqueConstraint":
                assert not any(column.nullable for column in constraint.columns), constraint.name


def test_filters_are_the_same_on_every_database():
    """What is unique or fast here is so there."""
    for table in TABLES:
        for index in table.indexes:
            wheres = {str(index.dialect_options[name]["where"]) for name in ("mssql", "sqlite", "postgresql")}
            assert len(wheres) == 1, index.name
