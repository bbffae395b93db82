"""Read a CSV file of numbers as people and sheets write it, from a byte on, without ever holding more than a part of it.

The encoding is settled before (`encoding_of`): UTF-8 with or without a mark, else Windows-1252, as Excel writes it; UTF-16 is
refused by name. Comma, semicolon or tab. A file may have no header line; then its first number tells which column it is.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import FieldError, RefusedError
from shared.phrases import phrase
from shared.readers import name_key, phone

PHONE = "phone"
PHONE_NAMES = frozenset(
    (
        *("phone", "telefono", "celular", "whatsapp", "numero", "movil", "mobile", "tel", "fone", "number", "cel", "wa"),
        *("phonenumber", "numerodetelefono", "telefone", "telefonocelular", "waid", "whatsappid", "numerodewhatsapp"),
    )
)
NAME_NAMES = frozenset(("name", "nombre", "nome", "firstname", "primernombre", "nombrecompleto", "fullname"))
LONGEST_LINE, LONGEST_VALUE, MOST_COLUMNS = 20_000, 1000, 60
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,63}")

type Source = Callable[[int], bytes]
"""The bytes of the file from a place on, as many as are at hand; none at its end."""


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. `columns`: what each column is for us, `phone` or a variable's name; None is left out."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[str | None, ...]

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.__dict__, "columns": list(self.columns)}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Layout":
        """What `stored` has made."""
        return cls(**{**stored, "columns": tuple(stored["columns"])})


@dataclass(frozen=True)
class Row:
    """A row: its line in the file, what stands in the column of numbers, and the variables; `ends_at` is the byte behind it."""

    line: int
    phone: str
    variables: Mapping[str, str]
    ends_at: int
    next_line: int


def encoding_of(parts: Iterable[bytes]) -> str:
    """The encoding of a file.

    Raises:
        RefusedError: 400 `bad-encoding`, with the encoding's name where it can be told.
    """
    utf8, cp1252 = codecs.getincrementaldecoder("utf-8")(), True
    is_utf8, is_first = True, True
    for part in parts:
        if is_first and part.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise _bad_encoding(phrase("It is UTF-16. Save it as CSV UTF-8."))
        if b"\x00" in part:
            raise _bad_encoding(phrase("It holds NUL characters: it is UTF-16, or no text at all. Save it as CSV UTF-8."))
        is_first = False
        if is_utf8:
            is_utf8 = _decodes(utf8, part)
        cp1252 = cp1252 and not set(part) & {0x81, 0x8D, 0x8F, 0x90, 0x9D}
    if is_utf8 and _decodes(utf8, b"", final=True):
        return "utf-8"
    if not cp1252:
        raise _bad_encoding(phrase("It is neither UTF-8 nor Windows-1252. Save it as CSV UTF-8."))
    return "cp1252"


def _decodes(decoder: codecs.IncrementalDecoder, part: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(part, final)
    except UnicodeDecodeError:
        return False
    return True


def _bad_encoding(detail: str) -> RefusedError:
    return RefusedError(400, "bad-encoding", "The file cannot be read.", detail=detail)


def layout_of(source: Source, encoding: str, wanted: Mapping[str, str | None] | None, region: str) -> Layout:
    """How the file is laid out, by its first line. `wanted` maps headers, or numbers of columns from 1 on, to what they are.

    Raises:
        RefusedError: 422, no column holds numbers, two do, or `wanted` names a column that is not there.
    """
    first = next(_lines(source, 0, encoding), ("", 0))[0]
    delimiter = max(";,\t", key=first.count)
    cells = next(csv.reader([first], delimiter=delimiter), [])
    if not 0 < len(cells) <= MOST_COLUMNS:
        raise _bad_header(
            phrase("the first line has %(number)s columns; 1 to %(most)s are read", number=len(cells), most=MOST_COLUMNS)
        )
    has_header = not any(phone.e164_or_none(cell, default=region, channel="csv") for cell in cells)
    names = [cell.strip() for cell in cells] if has_header else []
    columns = _given(names, len(cells), wanted) if wanted else _guessed(cells, region, has_header=has_header)
    if columns.count(PHONE) != 1:
        shown, number = ", ".join(names)[:200] or phrase("no header line"), columns.count(PHONE)
        raise _bad_header(
            phrase(
                "%(number)s columns hold numbers, and one is needed (%(columns)s); say which in `columns`",
                number=number,
                columns=shown,
            )
        )
    doubled = {name for name in columns if name is not None and columns.count(name) > 1}
    if doubled:
        raise _bad_header(
            phrase("two columns are %(names)s; say in `columns` which is which", names=", ".join(sorted(doubled)))
        )
    return Layout(encoding, delimiter, has_header, tuple(columns))


def _given(names: Sequence[str], width: int, wanted: Mapping[str, str | None]) -> list[str | None]:
    places = {name_key.key(name) or name: place for place, name in enumerate(names)}
    columns: list[str | None] = [None] * width
    for column, meaning in wanted.items():
        place = places.get(name_key.key(column) or column, int(column) - 1 if column.isdecimal() else -1)
        if not 0 <= place < width:
            raise _bad_header(phrase("there is no column %(name)s", name=repr(column[:60])))
        if meaning is not None and not _VARIABLE.fullmatch(meaning):
            raise _bad_header(
                phrase("%(name)s is no name of a variable: letters, digits and underscores", name=repr(meaning[:60]))
            )
        columns[place] = meaning
    return columns


def _guessed(cells: Sequence[str], region: str, *, has_header: bool) -> list[str | None]:
    if has_header:
        return [_meaning(cell) for cell in cells]
    phone_at = next(place for place, cell in enumerate(cells) if phone.e164_or_none(cell, default=region, channel="csv"))
    name_at = next((place for place, cell in enumerate(cells) if place != phone_at and re.search(r"[^\W\d_]", cell)), -1)
    special = {phone_at: PHONE, name_at: "name"}
    return [special.get(place, f"column_{place + 1}") for place in range(len(cells))]


def _meaning(header: str) -> str | None:
    key = re.sub(r"[\W_]+", "", name_key.key(header) or "")
    if key in PHONE_NAMES:
        return PHONE
    name = re.sub(r"[^a-z0-9]+", "_", (name_key.key(header) or "").replace("ñ", "n")).strip("_")[:64]
    return name if _VARIABLE.fullmatch(name) else None


def _bad_header(why: str) -> RefusedError:
    wrong = FieldError("columns", why)
    return RefusedError(422, "invalid-fields", "The file's columns cannot be told apart.", errors=[wrong])


def rows(source: Source, layout: Layout, position: int, line: int) -> Iterator[Row]:
    """The rows from that byte on, which is the beginning of line `line` + 1; lines are counted from 1.

    Raises:
        csv.Error: a quotation mark that never closes makes a line too long to be one.
    """
    consumed, number = position, line

    def lines() -> Iterator[str]:
        nonlocal consumed, number
        for text, size in _lines(source, position, layout.encoding):
            consumed += size
            number += 1
            yield text

    began = number
    for cells in csv.reader(lines(), delimiter=layout.delimiter, strict=False):
        first_line, began = began + 1, number
        if (layout.has_header and first_line == 1) or not any(cell.strip() for cell in cells):
            continue
        named = {name: cell.strip() for name, cell in zip(layout.columns, cells, strict=False) if name is not None}
        values = {name: value[:LONGEST_VALUE] for name, value in named.items() if name != PHONE and value}
        yield Row(first_line, named.get(PHONE, ""), values, consumed, number)


def _lines(source: Source, position: int, encoding: str) -> Iterator[tuple[str, int]]:
    """The lines from that byte on, with their length in bytes."""
    rest, at = b"", position
    while True:
        part = source(at)
        at += len(part)
        rest += part
        *whole, rest = rest.splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n") or (rest and not part):
            whole, rest = [*whole, rest], b""
        for raw in whole:
            if len(raw) > LONGEST_LINE:
                raise csv.Error(f"a line has more than {LONGEST_LINE} bytes")
            text = raw.decode(encoding, "replace")
            yield text.removeprefix("\ufeff"), len(raw)
        if not part:
            return
        if len(rest) > LONGEST_LINE:
            raise csv.Error(f"a line has more than {LONGEST_LINE} bytes")
