"""The list of slow files names files that there are."""

from tests.conftest import ROOT
from tests.support.slow_files import SLOW_FILES


def test_slow_files_exist() -> None:
    """One that was renamed would come back into the run of every day unnoticed."""
    assert [name for name in sorted(SLOW_FILES) if not (ROOT / "tests" / name).is_file()] == []
