"""Which kind of file some bytes are, by how they begin: what a sender calls them proves nothing."""

from collections.abc import Mapping

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_BRANDS: Mapping[bytes, str] = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"avif": "image/avif",
    b"M4A ": "audio/mp4",
}
LONGEST_PDF_PREFIX = 1024  # a reader takes what stands before the mark; scanners put a line there

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "image/tiff"})
PDF = "application/pdf"


def type_of(content: bytes) -> str | None:
    """The media type of a file by its first bytes; None for what is none of the kinds known here."""
    found = next((name for beginning, name in _BEGINNINGS if content.startswith(beginning)), None)
    if found is not None:
        return found
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/3gpp" if content[8:11] == b"3gp" else "video/mp4")
    return PDF if b"%PDF-" in content[:LONGEST_PDF_PREFIX] else None
