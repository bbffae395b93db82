"""What holds for all readers: every row is tried, the disputed ones are decided in writing, nothing but a refusal is raised."""

import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shared.readers import UnreadableError, dates, email, money, name_key, nothing, phone, wish
from tests.support.truth import NAMES, table

DECISIONS = Path(__file__).parents[3] / "docs" / "decisions" / "0015-how-input-is-read.md"
ROWS = 755
READERS: dict[str, Callable[[str], Any]] = {
    "phone": phone.read,
    "wish": wish.read,
    "dates": dates.read,
    "money": lambda text: money.read(text, "MXN"),
    "count": money.read_count,
    "nothing": lambda text: nothing.read(text, nothing.FieldKind.FULL_NAME),
    "id": nothing.read_id,
    "email": email.read,
    "name": name_key.key,
}
PIECES = (
    *"0123456789abcxyzABCñÉ.,:;-+/@#%$'\"()[]{}|*_~ \n\t\0\u200e\u202d\u2011\ud800\ufffd❤️𝗕五",
    "52", "{{", "}}", "E+12", "00", "T", "Z", "a.m.",
    "mañana", "null", "BAJA", "no", "@example.com", "mil", "0xx", " de ", "ext", "😀", "\u0661",
)  # fmt: skip


def test_every_row_of_the_tables_is_there() -> None:
    """Nothing was left out of the tables, and no row stands twice."""
    ids = [row["id"] for name in NAMES for row in table(name)]
    assert len(ids) == len(set(ids)) == ROWS


def test_every_disputed_row_is_decided_in_writing() -> None:
    """The decision names it."""
    written = DECISIONS.read_text(encoding="utf-8")
    disputed = [row["id"] for name in NAMES for row in table(name) if row.get("disputable")]
    assert [name for name in disputed if name not in written] == []


@pytest.mark.parametrize("name", READERS)
def test_no_text_makes_a_reader_fail(name: str) -> None:
    """Whatever is sent, it is read or refused."""
    chance = random.Random(name)  # noqa: S311
    for _ in range(400):
        text = "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 30)))
        with suppress(UnreadableError):
            READERS[name](text)


def test_readers_are_light_to_import() -> None:
    """The webhooks import them; numbering plans and IDNA are loaded on first use."""
    script = (
        "import sys; from shared.readers import dates, email, money, name_key, nothing, phone, wish; "
        "print([name for name in ('phonenumbers', 'idna', 'sqlalchemy', 'pydantic') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
