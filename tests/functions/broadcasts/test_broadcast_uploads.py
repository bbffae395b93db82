"""Lists of numbers as people and sheets write them: one row for each number, and a reason for each that is left out."""

import csv
import io
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from functions.broadcasts import uploads, uploads_read
from functions.broadcasts.tables import Upload, UploadProblem, UploadRow
from shared import faults
from shared.errors import RefusedError
from shared.store.session import reading, transact
from tests.support.examples import examples
from tests.support.world import FakeStorage

THREE = "+52 1 55 1234 0001;Ana\n5512340001;Ana M.\n525512340001;Beto\n"


def read(text: bytes | str, columns: dict[str, str | None] | None = None) -> Upload:
    """Keep a file and read it to its end."""
    upload_id = uploads.keep_file(text.encode() if isinstance(text, str) else text, "lista.csv", columns, "key:ops")
    uploads.read_all()
    with reading() as session:
        return session.scalars(select(Upload).where(Upload.uuid == upload_id)).one()


def rows() -> list[tuple[int, str, dict[str, Any]]]:
    """Line, number and variables of all rows."""
    with reading() as session:
        return [
            (row.line, row.phone_number, row.variables) for row in session.scalars(select(UploadRow).order_by(UploadRow.id))
        ]


def problems() -> list[tuple[int, str, int | None, str]]:
    """What was left out."""
    with reading() as session:
        found = session.scalars(select(UploadProblem).order_by(UploadProblem.line))
        return [(row.line, row.kind, row.same_as, row.reason) for row in found]


def test_one_number_in_three_spellings_is_one_row(database: Engine, storage: FakeStorage) -> None:
    """The first row's variables count; the others are named with its line, and with another name where it is another."""
    upload = read(THREE)
    assert (upload.state, upload.accepted, upload.duplicates, upload.bad) == ("ready", 1, 2, 0)
    assert rows() == [(1, "+525512340001", {"name": "Ana"})]
    assert problems() == [
        (2, "duplicate", 1, "the same number as line 1"),
        (3, "duplicate", 1, "the same number as line 1, under another name"),
    ]


def test_same_rows_posted_again_add_none_and_say_so(database: Engine, storage: FakeStorage) -> None:
    """The second call names each as a duplicate."""
    posted = [{"phone": "55 1234 0001", "variables": {"name": "Ana", "saldo": 12}}, {"phone": "x"}]
    upload, first = transact(lambda session: uploads.keep_numbers(session, posted, "key:ops"))
    again = transact(lambda session: uploads.add_rows(session, upload.uuid, posted))
    assert (first.accepted, again.accepted) == (1, 0)
    assert [(one["line"], one["kind"], one["same_as"]) for one in (*first.problems, *again.problems)] == [
        (2, "bad", None),
        (3, "duplicate", 1),
        (4, "bad", None),
    ]
    assert rows() == [(1, "+525512340001", {"name": "Ana", "saldo": "12"})]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_files_of_sheets_are_read(database: Engine, storage: FakeStorage, encoding: str, delimiter: str) -> None:
    """A header with an accent, quoted cells with line breaks, and columns by their names."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([["Nombre", "Teléfono", "Dirección"], ["Íñigo", "55 1234 0001", "Calle 1\nPiso 2"], ["Ana", "", "x"]])
    upload = read(out.getvalue().encode(encoding))
    assert (upload.state, upload.columns) == ("ready", ["nombre", "phone", "direccion"])
    assert rows() == [(2, "+525512340001", {"nombre": "Íñigo", "direccion": "Calle 1\nPiso 2"})]
    assert problems() == [(4, "bad", None, "no number can be read (nothing)")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("Teléfono\n5512340001\n".encode("utf-16"), "bad-encoding"),
        (b"phone\n\x815512340001\n", "bad-encoding"),
        (b"", "invalid-fields"),
        (b"a;b\n1;2\n", "invalid-fields"),
        (b"phone;celular\n1;2\n", "invalid-fields"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_kept(
    database: Engine, storage: FakeStorage, raw: bytes, reason: str
) -> None:
    """By its encoding's name, or by the header that it has."""
    with pytest.raises(RefusedError) as refused:
        uploads.keep_file(raw, None, None, "key:ops")
    assert refused.value.reason == reason
    assert storage.blobs == {}


def test_columns_may_be_named(database: Engine, storage: FakeStorage) -> None:
    """By header or by number; null leaves one out, and what is not named is left out as well."""
    read("Cliente;Contacto;Otro\nAna;5512340001;x\n", {"cliente": "first_name", "2": "phone", "otro": None})
    assert rows() == [(2, "+525512340001", {"first_name": "Ana"})]
    with pytest.raises(RefusedError):
        read("Cliente;Contacto\nAna;5512340001\n", {"Contacto": "phone", "Nada": "x"})


def test_reader_that_dies_between_batches_repeats_nobody(
    database: Engine, storage: FakeStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place in the file is committed with the batch; parts may end in the middle of a line."""
    monkeypatch.setattr(uploads, "BATCH", 7)
    monkeypatch.setattr(uploads, "PART_BYTES", 53)
    text = "phone,nombre\n" + "".join(f'55123400{number:02},"Añá ""{number}"""\n' for number in range(40))
    upload_id = uploads.keep_file(text.encode(), None, None, "key:ops")
    for _ in range(20):
        faults.inject("broadcasts.after_list_batch=raise")
        try:
            uploads.read_all()
        except faults.InjectedFault:
            continue
        finally:
            faults.inject("")
    found = rows()
    assert [number for _line, number, _values in found] == [f"+5255123400{number:02}" for number in range(40)]
    assert found[39][0] == 41
    assert found[39][2] == {"nombre": 'Añá "39"'}
    assert problems() == []
    with reading() as session:
        assert session.scalars(select(Upload.state).where(Upload.uuid == upload_id)).one() == "ready"


def test_quotation_mark_that_never_closes_fails_the_list_with_its_line(database: Engine, storage: FakeStorage) -> None:
    """What was taken stays; nothing is read into one endless cell."""
    upload = read("phone,nombre\n5512340001,Ana\n" + '5512340002,"Beto\n' + "x" * 200_000)
    assert (upload.state, "line" in str(upload.error_message)) == ("failed", True)


def test_memory_is_bounded_by_the_parts(database: Engine, storage: FakeStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch asks for the parts that it needs and no more, however long the file is."""
    text = "phone\n" + "".join(f"55{number:08}\n" for number in range(20_000))
    monkeypatch.setattr(uploads, "PART_BYTES", 16 * 1024)
    uploads.keep_file(text.encode(), None, None, "key:ops")
    asked: list[str] = []
    get = uploads.queues.get_blob
    monkeypatch.setattr(uploads.queues, "get_blob", lambda name: asked.append(name) or get(name))
    assert uploads.read_batch(1) == uploads.BATCH
    assert len(asked) <= 2


@given(
    st.lists(
        st.tuples(
            st.integers(10_000_000, 99_999_999), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
        ),
        max_size=20,
    ),
    st.integers(1, 40),
)
@settings(max_examples=examples(60))
def test_reading_from_any_place_gives_the_same_rows(written: list[tuple[int, str]], part: int) -> None:
    """Whatever stands in the cells, and wherever the parts of the file end."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(["phone", "x"])
    writer.writerows([f"55{number}", text] for number, text in written)
    raw = out.getvalue().encode()
    layout = uploads_read.Layout("utf-8", ";", has_header=True, columns=("phone", "x"))
    whole = list(uploads_read.rows(lambda at: raw[at : at + part], layout, 0, 0))
    assert [row.phone for row in whole] == [f"55{number}" for number, _text in written]
    for row, following in itertools.pairwise(whole):
        resumed = next(uploads_read.rows(lambda at: raw[at : at + part], layout, row.ends_at, row.next_line))
        assert resumed == following
