"""What a process must have once, also when many threads ask for it at the same moment.

`functools.cache` calls a function again for each thread that asks before the first has its answer. For a value that does no
harm; of an engine, a client or a lock there would then be several: several pools of connections, several paces.
"""

import threading
from collections.abc import Callable
from functools import update_wrapper

_making = threading.RLock()  # one for all, so that two that need each other cannot wait for each other


class Made[**P, T]:
    """What `made_once` makes of a function: the same answer for the same arguments, one answer in a process."""

    def __init__(self, make: Callable[P, T], at_most: int) -> None:
        self._make, self._at_most = make, at_most
        self._made: dict[tuple[object, ...], T] = {}
        update_wrapper(self, make)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> T:
        """What was made for these arguments; made now where nothing was. Others wait meanwhile."""
        key = (*arguments, *named.items())
        try:
            return self._made[key]
        except KeyError:
            pass
        with _making:
            if key not in self._made:
                made = self._make(*arguments, **named)
                while len(self._made) >= self._at_most:
                    self._made.pop(next(iter(self._made)))
                self._made[key] = made
            return self._made[key]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._made)

    def cache_clear(self) -> None:
        """Forget what was made; the next call makes it anew."""
        with _making:
            self._made.clear()


def made_once[**P, T](at_most: int = 64) -> Callable[[Callable[P, T]], Made[P, T]]:
    """Keep what a function makes, for as many different arguments; the oldest goes first."""
    return lambda make: Made(make, at_most)
