"""English sentences that the API and the log say, and that a page of the console says in the language of its reader.

They are kept and compared as plain English text. `python -m local.words` finds their patterns in the code and brings them into
the catalogues; `shared.console.phrases` knows each sentence by its pattern again, wherever it comes from, the database too.
"""

from datetime import UTC, datetime
from typing import Any


def phrase(pattern: str, /, **values: Any) -> str:
    """The sentence that `pattern` makes of `values`, with places such as `%(name)s`; times are written in UTC."""
    return pattern % {name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


def pattern(text: str) -> str:
    """`text`, from which a sentence is made where its values are known: so that the catalogues have it."""
    return text


def counted_phrase(one: str, many: str, count: int, /, **values: Any) -> str:
    """The same of something that is counted, `%(count)s`: as it is for one, and for any other number."""
    return phrase(one if count == 1 else many, count=count, **values)


def moment(value: datetime) -> str:
    """A time as it stands in a sentence."""
    return f"{value.astimezone(UTC):%Y-%m-%d at %H:%M} UTC"
