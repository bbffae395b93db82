"""For each place that locks rows: what there is, which of it another transaction holds, and how somebody comes by the place.

Two transactions at once: the first holds the rows and has not committed, the second comes by the place. With its lock the
statement there returns when the first has committed, so that it reads what the first has left; without it, before that.

The places of `functions/<flow>` and of `shared/<folder>` stand in `tests/lab/waiting/<flow or folder>.py`, in `WAITS` or,
where a place steps over rows that another transaction holds, so that it returns at once and without them, in `SKIPS`.
"""

from importlib import import_module
from pathlib import Path

from tests.lab.rows import Wait

FILES = sorted(path.stem for path in (Path(__file__).parent / "waiting").glob("*.py"))


def _places(kind: str) -> dict[str, Wait]:
    """All files' places of a kind. A place stands in the file of its folder: elsewhere it would be looked for in vain."""
    every: dict[str, Wait] = {}
    for file in FILES:
        own = getattr(import_module(f"tests.lab.waiting.{file}"), kind, {})
        if strange := [place for place in own if place.partition(":")[0].split(".")[1] != file]:
            raise AssertionError(f"tests/lab/waiting/{file}.py holds places of other folders: {strange}")
        every |= own
    return every


WAITS = _places("WAITS")
SKIPS = _places("SKIPS")

__all__ = ["SKIPS", "WAITS", "Wait"]
