"""The check for dead code bites."""

from pathlib import Path

from tests.structure.dead_code import found

SOURCE = """
def used(): ...
def unused(): ...
class Kept:
    field = 1
    def never(self): ...
used(); Kept()
"""


def test_what_nothing_uses_is_found(tmp_path: Path) -> None:
    """Functions and methods without a caller are named; those with one, and fields, are not."""
    (tmp_path / "some.py").write_text(SOURCE)
    assert set(found([tmp_path / "some.py"])) == {"unused", "never"}
