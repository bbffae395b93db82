"""Where rows are read from: a file or a folder of CSV files, or a database. Row by row, never all at once."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, create_engine, select
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from shared.errors import ConfigurationError
from shared.importer.frame import Row, Source

ROWS_AT_ONCE = 1000


class CsvFolder:
    """`contacts.csv`, `campaigns.csv`, ... in one folder: UTF-8, a header line, comma or semicolon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, kind: str) -> Iterator[Row]:
        """The lines of `<kind>.csv`."""
        path = self.folder / f"{kind}.csv"
        if path.exists():
            yield from _lines(path)


class CsvFile:
    """One file of CSV for the one kind of an importer: UTF-8, a header line, comma or semicolon.

    Raises:
        ConfigurationError: there is no such file.
    """

    def __init__(self, where: str) -> None:
        self.path = Path(where)
        if not where or not self.path.is_file():
            raise ConfigurationError(f"{where or 'SOURCE'} is no file; name a CSV file")

    def rows(self, _kind: str) -> Iterator[Row]:
        """Its lines."""
        yield from _lines(self.path)


class OldDatabase:
    """The database of a replaced system, by SQLAlchemy URL. `tables` gives for each kind the names that its table may have.

    Raises:
        ConfigurationError: it cannot be read.
    """

    def __init__(self, url: str, tables: Mapping[str, Sequence[str]]) -> None:
        self.tables = tables
        try:
            self.engine = create_engine(url, hide_parameters=True, poolclass=NullPool)
            self.engine.connect().close()
        except SQLAlchemyError as error:
            raise ConfigurationError(f"the old database cannot be read: {str(error).splitlines()[0]}") from error

    def rows(self, kind: str) -> Iterator[Row]:
        """The rows of the table for `kind`, streamed, in the order of its primary key if it has one."""
        table = self._table(kind)
        if table is None:
            return
        query = select(table).order_by(*table.primary_key.columns)
        with self.engine.connect().execution_options(stream_results=True, yield_per=ROWS_AT_ONCE) as connection:
            for row in connection.execute(query):
                yield {name.lower(): value for name, value in row._mapping.items()}  # noqa: SLF001  # SQLAlchemy's public name

    def _table(self, kind: str) -> Table | None:
        for name in self.tables[kind]:
            try:
                return Table(name, MetaData(), autoload_with=self.engine)
            except NoSuchTableError:
                continue
        return None


def folder_or_database(where: str, tables: Mapping[str, Sequence[str]]) -> Source:
    """A folder of CSV files, or a database where `where` is a URL.

    Raises:
        ConfigurationError: it is neither.
    """
    if "://" in where:
        return OldDatabase(where, tables)
    if not where or not Path(where).is_dir():
        raise ConfigurationError(f"{where or 'SOURCE'} is neither a folder of CSV files nor a database URL")
    return CsvFolder(Path(where))


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        delimiter = ";" if first.count(";") > first.count(",") else ","
        for row in csv.DictReader(file, delimiter=delimiter):
            yield {str(name).strip().lower(): value for name, value in row.items()}
