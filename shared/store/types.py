"""Column types that mean the same on SQLite and Azure SQL."""

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, Integer, Numeric, Unicode, UnicodeText
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

CENT = Decimal("0.01")

BigId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only under the exact type INTEGER
Day = Date().with_variant(mssql.DATE(), "mssql")  # a script for Azure SQL, written without a server, would say DATETIME


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Takes aware datetimes only, stores UTC (`DATETIME2(6)` on Azure SQL), gives back aware UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Azure SQL's old DATETIME rounds to 3 ms; DATETIME2 keeps what Python has."""
        if dialect.name == "mssql":
            return mssql.DATETIME2(precision=6)  # type: ignore[no-untyped-call]  # SQLAlchemy has not typed it
        return DateTime()

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive datetime: whoever wrote it has forgotten where it came from."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """What was stored, said to be UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class TwoDecimals(TypeDecorator[Decimal]):
    """An exact number with two decimals: `NUMERIC(14, 2)` on Azure SQL, whole cents on SQLite, which has no decimals."""

    impl = Numeric(14, 2)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite would keep a decimal as a binary fraction."""
        return BigInteger() if dialect.name == "sqlite" else Numeric(14, 2)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Refuse more than two decimals instead of rounding."""
        if value is None:
            return None
        cents = value * 100
        if cents != cents.to_integral_value():
            raise ValueError("at most two decimals are kept")
        return int(cents) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """The number, always with its two decimals."""
        if value is None:
            return None
        return (Decimal(value) / 100 if dialect.name == "sqlite" else Decimal(value)).quantize(CENT)


def fitting(text: str, at_most: int) -> str:
    """The beginning of `text` that a column of `at_most` holds: Azure SQL counts units of UTF-16, so an emoji counts as two.

    What no database can store (a NUL, half of a surrogate pair) is written as an escape.
    """
    plain = text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()
    if 2 * len(plain) <= at_most:
        return plain
    return plain.encode("utf-16-le")[: 2 * at_most].decode("utf-16-le", "ignore")


class Note(TypeDecorator[str]):
    """A text for people to read, such as an error's words: cut to what the column holds, so that it can always be stored."""

    impl = Unicode
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """As much of it as fits."""
        return None if value is None else fitting(value, self.length)


class JsonText(TypeDecorator[Any]):
    """JSON as Unicode text (`NVARCHAR(max)`), readable in any SQL tool; keys keep their order."""

    impl = UnicodeText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """None is NULL; everything else is compact JSON."""
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """The value that was stored."""
        return None if value is None else json.loads(value)


def key_of(*parts: str) -> str:
    """A fixed-length name (64 hex digits) for any number of texts of any length; an index over it stays small."""
    framed = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(framed.encode("utf-8", "surrogatepass")).hexdigest()
