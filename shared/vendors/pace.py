"""Spaces requests, for vendors that count them one by one."""

import threading
from datetime import datetime, timedelta
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from shared import clock


class Paced(BaseAdapter):
    """Lets requests through at least `1 / per_second` apart, quick second tries included.

    Holds over all instances where the target has one slot, so that batches follow each other, and each batch says `rest`
    first: whoever had the slot before may have sent a request just now. Then any two requests are that far apart.
    """

    def __init__(self, per_second: float, inner: BaseAdapter | None = None) -> None:
        super().__init__()
        self._inner = inner or HTTPAdapter(pool_connections=2, pool_maxsize=16)
        self._apart = timedelta(seconds=1 / per_second)
        self._next: datetime | None = None
        self._lock = threading.Lock()

    def rest(self) -> None:
        """Let the next request wait for its distance, counted from now."""
        with self._lock:
            self._next = max(self._next or clock.now(), clock.now() + self._apart)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send the request when its time has come."""
        self._wait()
        return self._inner.send(request, **options)

    def close(self) -> None:
        """Close what stands behind."""
        self._inner.close()

    def _wait(self) -> None:
        with self._lock:
            if self._next is not None:
                clock.sleep((self._next - clock.now()).total_seconds())
            self._next = clock.now() + self._apart
