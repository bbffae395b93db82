"""In what language a picture speaks: English, unless whoever asks for it hands over another speech."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_datetime

DAY, TIME, DAY_AND_TIME = "EEE dd MMM", "dd MMM HH:mm", "EEE dd MMM HH:mm"
"""How much of a moment is told."""


@dataclass(frozen=True)
class Speech:
    """`words` says a sentence or a code of ours, `title` the title of a journey; `locale` is how days are named."""

    words: Callable[[str], str] = str
    title: Callable[[str], str] = str
    locale: str = "en_US"

    def at(self, moment: datetime, pattern: str) -> str:
        """A local time as it is told."""
        return format_datetime(moment, pattern, locale=self.locale)


ENGLISH = Speech()
