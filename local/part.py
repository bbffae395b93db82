"""What the parts of the demonstration share: they ask the app until something has come, and print when it did."""

import time
from collections.abc import Callable
from typing import Any

from local import lead

type Row = dict[str, Any]


class Part:
    """One part. `ask` is a request to the app with its key; times are counted from when the part was made."""

    def __init__(self, sandbox_url: str, ask: Callable[[str], dict[str, Any]]) -> None:
        self.sandbox_url, self._ask = sandbox_url, ask
        self._started = time.monotonic()

    def came(self, path: str, is_there: Callable[[Row], bool], shown: Callable[[Row], str], missing: str) -> bool:
        """Ask for a list until its first row is as it must be, and print that row; `missing` where it does not come in time."""
        for _ in lead.moments():
            rows = self._ask(path).get("items") or []
            if rows and is_there(rows[0]):
                self.step(shown(rows[0]))
                return True
        self.step(f"{missing}; see .local/host.log")
        return False

    def step(self, text: str) -> None:
        """Print a line with the milliseconds since the beginning."""
        print(f"    {1000 * (time.monotonic() - self._started):7.0f} ms  {text}", flush=True)


class PostingPart(Part):
    """One that posts to the app as well: `post` and `ask` are requests to it with its key."""

    def __init__(self, sandbox_url: str, post: Callable[[str, Any], Row], ask: Callable[[str], Row]) -> None:
        super().__init__(sandbox_url, ask)
        self._post = post
