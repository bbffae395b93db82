"""The tables of what people and tools write, with what is right for each: `tests/unit/readers/truth/*.json`."""

import json
from pathlib import Path
from typing import Any

import pytest

TABLES = Path(__file__).parents[1] / "unit" / "readers" / "truth"
NAMES = ("phones", "wishes", "dates", "numbers", "nothing", "emails", "names")


def table(name: str) -> list[dict[str, Any]]:
    """The rows of one table."""
    found: list[dict[str, Any]] = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def each_row(name: str) -> pytest.MarkDecorator:
    """Runs a test once for each row of a table, named by the row's id."""
    rows = table(name)
    return pytest.mark.parametrize("row", rows, ids=[row["id"] for row in rows])
