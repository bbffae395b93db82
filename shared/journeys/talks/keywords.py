"""Words that mean the same at every question of a talking flow: go back, say it again, a person, or a step such as a menu."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.messages import opt_out_keywords
from shared.readers.signs import words_of

BACK, REPEAT, PERSON = "back", "repeat", "person"
ACTIONS = frozenset((BACK, REPEAT, PERSON))
LONGEST_KEYWORD = 40


def _keyword(value: str) -> str:
    if not words_of(value):
        raise ValueError(f"{value!r} has no letters; a keyword is what people write, such as `menú`")
    if opt_out_keywords.wish(value) is not None:
        raise ValueError(f"whoever writes {value!r} unsubscribes (or subscribes) by it; choose another word")
    return value


Keyword = Annotated[str, Field(min_length=1, max_length=LONGEST_KEYWORD), AfterValidator(_keyword)]


def meant(known: Mapping[str, str], text: str, titles: Sequence[str]) -> str | None:
    """What an answer means that is a keyword as a whole, in any spelling; None for every other.

    An option of the question that is called so is meant by it, and not the keyword.
    """
    words = words_of(text)
    if not words or words in {words_of(title) for title in titles}:
        return None
    return next((action for keyword, action in known.items() if words_of(keyword) == words), None)
