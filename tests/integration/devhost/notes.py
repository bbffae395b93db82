"""What the functions of the test apps write down, so that tests can see what they were handed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Notes:
    """What the functions of an app wrote down, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self, key: str) -> list[Any]:
        """The notes that have this key, each as a dict."""
        if not self.path.exists():
            return []
        # The last line may be half written.
        lines = [line for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [note for note in map(json.loads, lines) if key in note]

    def of(self, key: str, matches: Callable[[Any], bool] = lambda _: True) -> list[Any]:
        """The values under this key, those that match."""
        return [note[key] for note in self.all(key) if matches(note[key])]
