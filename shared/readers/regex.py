"""Regular expressions that are compiled when they are first used.

The readers hold some eighty of them. Compiled at import they cost the start of every instance about 75 ms, whether or not
a text is ever read there (measured with `make bench`).
"""

import re
from functools import cached_property
from typing import Any, cast


class _Pattern:
    """What `re.compile` gives, made on the first use. Two threads at once make the same one twice, which is harmless."""

    def __init__(self, source: str, flags: int) -> None:
        self._source, self._flags = source, flags

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._source, self._flags)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)


def regex(source: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern with the methods of `re.compile(source, flags)`.

    Raises:
        re.error: the source is not a regular expression; raised on the first use.
    """
    return cast("re.Pattern[str]", _Pattern(source, flags))
