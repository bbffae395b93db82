"""The signs of a text that nobody sees or that are drawn in several ways, brought into one form before a reader looks at it."""

import unicodedata

from shared.readers.regex import regex

_DASHES = regex("[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]")
_WORD = regex(r"[^\W_]+")
_SINGLE, _DOUBLE = "\u2018\u2019\u201a\u201b\u2032\u00b4`", "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"
_QUOTES = str.maketrans(_SINGLE + _DOUBLE, "'" * len(_SINGLE) + '"' * len(_DOUBLE))
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")  # letters and marks that are drawn as nothing
_JOINER = "\u200d"
# Of what nobody sees, all that Python takes for printable: no text without it, and without what is not printable, has any.
_UNSEEN_PRINTABLE = regex("[" + "".join(sorted(_BLANK_LETTERS)) + "\ufe00-\ufe0f]")


def visible(text: str) -> str:
    """The text without signs that nobody sees.

    These are direction marks, soft hyphens, fillers, variation selectors, lone surrogates and controls. Line ends and tabs
    stay, and so does a joiner between two emoji, where it makes one picture of them.
    """
    if text.isprintable() and (text.isascii() or not _UNSEEN_PRINTABLE.search(text)):
        return text
    return "".join(sign for at, sign in enumerate(text) if not _is_unseen(text, at))


def one_line(text: str) -> str:
    """`visible` in compatibility form (NFKC), with one blank for any run of white space, none around, one kind of dash."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    plain = unicodedata.normalize("NFKC", visible(text))
    return " ".join(_DASHES.sub("-", visible(plain)).split())


def straight_quotes(text: str) -> str:
    """The text with one kind of single and one kind of double quotation mark."""
    return text.translate(_QUOTES)


def without_accents(text: str, keep: str = "") -> str:
    """The text without combining marks, apart from those on a letter of `keep` (as composed letters)."""
    if text.isascii():
        return text
    kept = []
    for sign in unicodedata.normalize("NFC", text):
        bare = sign if sign in keep else unicodedata.normalize("NFD", sign)
        kept.append("".join(part for part in bare if not unicodedata.combining(part)))
    return "".join(kept)


def folded(text: str) -> str:
    """`one_line` for comparing words: lower case, without accents, straight quotes."""
    return without_accents(straight_quotes(one_line(text)).casefold())


def words_of(text: str) -> str:
    """`folded` without punctuation, with one blank between words: "¡Menú, por favor!" is `menu por favor`."""
    return " ".join(_WORD.findall(folded(text)))


def is_pictograph(sign: str) -> bool:
    """Whether a sign is an emoji or another picture."""
    return unicodedata.category(sign) == "So" or "\U0001f3fb" <= sign <= "\U0001f3ff"


def _is_unseen(text: str, at: int) -> bool:
    sign = text[at]
    if sign == _JOINER:
        return not (0 < at < len(text) - 1 and ord(text[at - 1]) > 0x2000 and is_pictograph(text[at + 1]))  # noqa: PLR2004
    if sign in "\n\r\t\v\f\u2028\u2029\x85":
        return False
    return unicodedata.category(sign) in ("Cf", "Cc", "Cs") or sign in _BLANK_LETTERS or "\ufe00" <= sign <= "\ufe0f"
