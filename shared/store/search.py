"""What a person is found by: the name without case and accents, and the digits of the phone, in one column for LIKE."""

import re
import unicodedata

LONGEST = 450  # units of UTF-16; an index key of Azure SQL has 1,700 bytes


def plain(text: str) -> str:
    """`text` without case, accents and needless spaces."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


def search_text(first_name: str | None, last_name: str | None, phone: str | None) -> str:
    """The name, then the digits of the phone. It begins with the name, so it sorts people by name as well."""
    words = [plain(name) for name in (first_name, last_name) if name]
    whole = " ".join([*words, re.sub(r"\D", "", phone or "")]).strip()
    return whole.encode("utf-16-le", "surrogatepass")[: 2 * LONGEST].decode("utf-16-le", "ignore")


def pattern(word: str) -> str:
    r"""`word` for LIKE with ESCAPE '\', found anywhere. A bracket opens a set of characters on Azure SQL."""
    escaped = re.sub(r"([\\%_\[])", r"\\\1", word)
    return f"%{escaped}%"
