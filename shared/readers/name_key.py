"""Names as keys: channels, services, stages and sources are the same when people would read them as the same.

Case, accents, width, encoding, blanks, kinds of dash and quotation mark, how an emoji is drawn, ornaments and a closing `.
, : ;` do not count. Everything that carries meaning does: `ñ`, `+`, `%`, `#`, a decimal point, a minus, another emoji,
another script.
"""

import unicodedata

from shared.readers.regex import regex
from shared.readers.signs import folded, one_line, straight_quotes, without_accents

_ORNAMENTS = regex(
    "[\u2728\u2b50\U0001f31f\U0001f4ab\u2764\U0001f9e1\U0001f49b\U0001f49a\U0001f499\U0001f49c\U0001f5a4\U0001f90d\U0001f90e]"
)
_BETWEEN_LETTERS = regex(r"(?<=[^\W\d_])\s*[-_]\s*(?=[^\W\d_])")
_UNDERSCORE = regex(r"_")
_DOT = regex(r"(?<=[^\W\d_])\.(?!\d)")
_BLANK = regex(r"(?<!\d)\s+|\s+(?!\d)")
_CLOSING = " .,:;"


def key(name: str) -> str | None:
    """The key of a name, or None for a text that names nothing (blanks or dashes alone).

    The same name always has the same key, on every server: no locale decides. Two names with one key are one thing.
    """
    plain = straight_quotes(one_line(_ORNAMENTS.sub("", name))).casefold().replace("\u0131", "i")
    plain = without_accents(unicodedata.normalize("NFKC", plain), keep="ñ")
    plain = _UNDERSCORE.sub(" ", _BETWEEN_LETTERS.sub("", plain))
    plain = _BLANK.sub("", _DOT.sub("", plain).strip(_CLOSING))
    if not any(sign.isalnum() or ord(sign) > 0x2000 for sign in plain):  # noqa: PLR2004  # pictures name something, signs do not
        return folded(name).strip(_CLOSING + "-_") or (_ORNAMENTS.search(name) and one_line(name)) or None
    return plain


def same(one: str, other: str) -> bool:
    """Whether two names are one; two that name nothing are not."""
    first = key(one)
    return first is not None and first == key(other)
