"""A list of a million rows: read in the background in short rounds, in bounded memory, each row counted once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from functions.broadcasts import uploads
from functions.broadcasts.tables import Upload, UploadProblem, UploadRow
from shared.store.session import reading
from tests.support.world import FakeStorage

MOST_GROWTH_MB = 48
"""What reading may need on top of the process as it is; the file of a million rows alone has 27 MB."""


def lines(number: int) -> Iterator[str]:
    """A file in which every thousandth number comes again at once, and every five hundredth cannot be read."""
    yield "Teléfono;Nombre;Saldo\n"
    for one in range(number):
        phone = f"55{10_000_000 + (one - (one % 1000 == 999))}"
        yield f"{'sin número' if one % 500 == 0 else phone};Ana {one};{one % 97}\n"


def memory_mb(name: str) -> float:
    """A figure of this process by the kernel's name of it: VmRSS, or VmHWM, which is the most since it was reset."""
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(found.split()[1]) / 1024


@pytest.mark.parametrize(
    "number", [pytest.param(20_000, marks=pytest.mark.slow), pytest.param(1_000_000, marks=pytest.mark.nightly)]
)
def test_list_is_read_in_bounded_memory(database: Engine, storage: FakeStorage, number: int) -> None:
    """However many rows they are: no more memory than some batches need, and nobody lost, doubled or unnamed."""
    upload_id = uploads.keep_file("".join(lines(number)).encode(), "lista.csv", None, "key:ops")
    Path("/proc/self/clear_refs").write_text("5")  # begins the most memory anew
    before, places = memory_mb("VmRSS"), []
    while uploads.read_all():
        with reading() as session:
            places.append(session.scalars(select(Upload.position)).one())
    growth = memory_mb("VmHWM") - before
    print(f"{number:,} rows: {growth:.0f} MB more than before")  # noqa: T201  # the figure of docs/performance.md
    assert places == sorted(places)  # how far it is grows from round to round
    with reading() as session:
        upload = session.scalars(select(Upload).where(Upload.uuid == upload_id)).one()
        kept = session.scalar(select(func.count()).select_from(UploadRow))
        named = session.scalar(select(func.count()).select_from(UploadProblem))
    bad, doubled = number // 500, number // 1000
    assert (upload.state, upload.bad, upload.duplicates) == ("ready", bad, doubled)
    assert upload.accepted == kept == number - bad - doubled
    assert named == bad + doubled
    assert growth < MOST_GROWTH_MB
