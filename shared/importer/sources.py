"""Where the old record is read from: a folder of CSV files, or the old database. Row by row, never all at once."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import MetaData, Table, create_engine, select
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from shared.errors import ConfigurationError

type Row = Mapping[str, Any]

ROWS_AT_ONCE = 1000


class Source(Protocol):
    """The old record."""

    def rows(self, kind: str) -> Iterator[Row]:
        """The rows of one kind (`contacts`, ...), with lower-case column names; none where there is no such kind."""


class CsvFolder:
    """`contacts.csv`, `campaigns.csv`, ... in one folder: UTF-8, a header line, comma or semicolon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, kind: str) -> Iterator[Row]:
        """The lines of `<kind>.csv`."""
        path = self.folder / f"{kind}.csv"
        if not path.exists():
            return
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = ";" if first.count(";") > first.count(",") else ","
            for row in csv.DictReader(file, delimiter=delimiter):
                yield {str(name).strip().lower(): value for name, value in row.items()}


class OldDatabase:
    """The old service's database, by SQLAlchemy URL. Its tables are called `Contact`, `Campaign_Contact`, ... or as ours."""

    TABLES: Mapping[str, tuple[str, ...]] = {
        "channels": ("Channel", "channels"),
        "advisors": ("Advisor", "advisors"),
        "campaigns": ("Campaign", "campaigns"),
        "contacts": ("Contact", "contacts"),
        "campaign_contacts": ("Campaign_Contact", "campaign_contacts"),
    }

    def __init__(self, url: str) -> None:
        try:
            self.engine = create_engine(url, hide_parameters=True, poolclass=NullPool)
            self.engine.connect().close()
        except SQLAlchemyError as error:
            raise ConfigurationError(f"the old database cannot be read: {str(error).splitlines()[0]}") from error

    def rows(self, kind: str) -> Iterator[Row]:
        """The rows of the table for `kind`, streamed."""
        table = self._table(kind)
        if table is None:
            return
        with self.engine.connect().execution_options(stream_results=True, yield_per=ROWS_AT_ONCE) as connection:
            for row in connection.execute(select(table)):
                yield {name.lower(): value for name, value in row._mapping.items()}  # noqa: SLF001  # SQLAlchemy's public name

    def _table(self, kind: str) -> Table | None:
        for name in self.TABLES[kind]:
            try:
                return Table(name, MetaData(), autoload_with=self.engine)
            except NoSuchTableError:
                continue
        return None


def open_source(where: str) -> Source:
    """A folder of CSV files, or a database where `where` is a URL.

    Raises:
        ConfigurationError: it is neither.
    """
    if "://" in where:
        return OldDatabase(where)
    if not Path(where).is_dir():
        raise ConfigurationError(f"{where} is neither a folder of CSV files nor a database URL")
    return CsvFolder(Path(where))
