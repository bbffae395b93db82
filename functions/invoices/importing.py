"""Invoices from a CSV file: each row by itself, in transactions of a hundred; what is wrong is left out and named."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import batched
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from functions.invoices import services
from functions.invoices.payloads import InvoiceReport
from shared import clock
from shared.crm import editing
from shared.errors import FieldError, PermanentError, RefusedError
from shared.intake import body, lenient
from shared.readers.name_key import key as plain_key

BATCH = 100
MOST_ROWS = 20_000
MOST_PROBLEMS = 1000
LONGEST_REASON = 300
COLUMNS = {
    "serie": "serie numero folio factura number invoice",
    "total": "total importe monto amount",
    "subtotal": "subtotal",
    "taxes": "taxes impuestos iva",
    "residual": "residual saldo pendiente balance amount_due",
    "paid": "paid pagado amount_paid",
    "currency": "currency moneda divisa",
    "customer": "customer cliente nombre razon_social customer_name",
    "customer_id": "customer_id id_cliente",
    "customer_email": "customer_email email correo correo_electronico e_mail",
    "customer_phone": "customer_phone telefono phone celular whatsapp",
    "status": "status estado estatus",
    "type": "type tipo",
    "issued_date": "issued_date fecha fecha_de_emision emision issue_date created_at",
    "due_date": "due_date vencimiento fecha_de_vencimiento vence",
    "payment_url": "payment_url liga_de_pago enlace_de_pago link",
    "updated_at": "updated_at actualizado",
}
_NAMES = {plain_key(name): column for column, names in COLUMNS.items() for name in names.split()}


@dataclass(frozen=True)
class Row:
    """A row of the file: its line, and its cells by our names of the columns."""

    line: int
    cells: dict[str, str]


@dataclass
class Result:
    """What became of the rows."""

    read: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    left_out: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)

    def problem(self, row: Row, reason: str, *, taken: bool = False) -> None:
        """Name a row with what is wrong about it."""
        self.left_out += not taken
        if len(self.problems) < MOST_PROBLEMS:
            serie = row.cells.get("serie", "")[:100]
            self.problems.append({"line": row.line, "serie": serie, "taken": taken, "reason": reason[:LONGEST_REASON]})


def read(raw: bytes, content_type: str, most_bytes: int) -> list[Row]:
    """The rows of a file.

    Raises:
        RefusedError: 413, 415; 400, it is not UTF-8 or no CSV; 422, it has no column for the number.
    """
    body.check_size(raw, most_bytes)
    if content_type.partition(";")[0].strip().lower() != "text/csv":
        raise RefusedError(415, "unsupported-media-type", "Send the file with Content-Type: text/csv.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = f"It is not UTF-8 (byte {error.start}). In Excel, save it as CSV UTF-8."
        raise RefusedError(400, "bad-encoding", "The file cannot be read.", detail=detail) from error
    if "\x00" in text:
        raise RefusedError(400, "bad-csv", "The file cannot be read.", detail="It holds NUL characters.")
    return list(_rows(text))


def _rows(text: str) -> Iterator[Row]:
    first = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",", strict=True
    )
    try:
        header = [_NAMES.get(plain_key(name)) for name in next(reader, [])]
        _check_header(header)
        for number, cells in enumerate(reader):
            if number >= MOST_ROWS:
                raise RefusedError(413, "too-many-rows", f"A file has at most {MOST_ROWS} rows; send several.")
            if any(cell.strip() for cell in cells):
                named = {name: cell for name, cell in zip(header, cells, strict=False) if name is not None and cell.strip()}
                yield Row(reader.line_num, named)
    except csv.Error as error:
        raise RefusedError(400, "bad-csv", "The file is no CSV.", detail=f"Line {reader.line_num}: {error}.") from error


def _check_header(header: Sequence[str | None]) -> None:
    found = [name for name in header if name is not None]
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled or "serie" not in found:
        why = f"two columns stand for {', '.join(doubled)}" if doubled else "no column is the number of the invoice (serie)"
        raise RefusedError(422, "invalid-fields", "The header line is not as it must be.", errors=[FieldError("(header)", why)])


def take(rows: Sequence[Row], who: str) -> Result:
    """Take all rows in, as of now (or of their `updated_at`). The same file again changes nothing."""
    result, at = Result(read=len(rows)), clock.now()
    checked = [(row, report) for row in rows if (report := _checked(row, result)) is not None]
    for batch in batched(checked, BATCH, strict=False):
        _take_batch(batch, at, result)
    editing.committed(partial(_note, who=who, result=result))
    return result


def _checked(row: Row, result: Result) -> InvoiceReport | None:
    try:
        report, left_out = lenient.read(InvoiceReport, row.cells)
    except ValidationError as error:
        named = [(".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, ")) for each in error.errors()]
        result.problem(row, "; ".join(f"{name}: {why}" if name else why for name, why in named))
        return None
    for each in left_out:
        result.problem(row, f"{each.field}: {each.reason}; taken without it", taken=True)
    return report


def _take_batch(batch: Sequence[tuple[Row, InvoiceReport]], at: datetime, result: Result) -> None:
    """Take a batch in; where one of its rows cannot be, one by one."""
    try:
        outcomes = editing.committed(lambda session: [_taken(session, report, at) for _row, report in batch])
    except (PermanentError, RefusedError) as error:
        if len(batch) == 1:
            result.problem(batch[0][0], str(error))
            return
        for one in batch:
            _take_batch([one], at, result)
        return
    for outcome, is_new in outcomes:
        if is_new:
            result.created += 1
        elif outcome == services.APPLIED:
            result.changed += 1
        else:
            result.unchanged += 1


def _taken(session: Session, report: InvoiceReport, at: datetime) -> tuple[str, bool]:
    _row, outcome, is_new = services.take(session, report.serie, report, report.reported_at(at))
    return outcome, is_new


def _note(session: Session, who: str, result: Result) -> None:
    words = f"{result.read} rows, {result.created} new, {result.changed} changed, {result.left_out} left out"
    editing.log(session, who, "invoices-imported", "invoices", words)
