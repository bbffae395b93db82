"""What was sent as a ticket, made into pages that a reader can see: type by content, the right way up, within bounds. Pure.

The sender's name of a type counts for nothing: a PDF comes as `application/octet-stream`, a HEIC picture as `image/jpeg`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.messages.file_types import PDF, type_of

if TYPE_CHECKING:
    from PIL import Image

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/tiff": "tif",
    PDF: "pdf",
}
LONGEST_SIDE = 2048  # pixels; a model scales down what is larger
SMALLEST_SIDE = 32  # less is no picture of a ticket
MOST_PIXELS = 80_000_000  # a telephone's largest picture has 50 million; what unpacks to more is a bomb
PDF_POINTS_AN_INCH = 72
QUALITY = 85
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "HEIF")
_HASH_SIDE = 8


class NotReadableError(ValueError):
    """Nobody can read this; `reason` is a code: the sender is told in one sentence, and it is not tried again.

    `empty`, `too-large`, `unknown-type`, `pdf-with-password`, `too-many-pages`, `broken`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The pages of one ticket as JPEG, the right way up. `kind` is the type by content, `dhash` the first page's look."""

    kind: str
    pages: tuple[bytes, ...]
    dhash: str


def kind_of(data: bytes) -> str:
    """The type of a file by its first bytes. Raises NotReadableError `empty`, `unknown-type`."""
    if not data.strip():
        raise NotReadableError("empty")
    found = type_of(data)
    if found not in EXTENSIONS:
        raise NotReadableError("unknown-type")
    return found


def pages_of(data: bytes, *, largest_bytes: int, most_pages: int) -> Pages:
    """The pages of a photo or PDF. Raises NotReadableError."""
    if len(data) > largest_bytes:
        raise NotReadableError("too-large")
    kind = kind_of(data)
    pictures = list(_of_pdf(data, most_pages) if kind == PDF else _of_picture(data, most_pages))
    return Pages(kind=kind, pages=tuple(map(_jpeg, pictures)), dhash=difference_hash(pictures[0]))


def _of_picture(data: bytes, most_pages: int) -> Iterator[Image.Image]:
    """Its pages: of a TIFF all, of an animation the first, of a HEIC (an iPhone's) the main picture.

    What is unpacked is bounded: the size that the file names is looked at first (`_check_size`), and libheif unpacks nothing
    that is larger than the file has named.
    """
    import pillow_heif
    from PIL import Image, UnidentifiedImageError

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)  # a second time changes nothing
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            yield from _frames(image, most_pages)
    except NotReadableError:
        raise  # it is a ValueError as well, which libheif raises for a file that is cut off
    except Image.DecompressionBombError as error:
        raise NotReadableError("too-large") from error
    except (UnidentifiedImageError, OSError, SyntaxError, EOFError, MemoryError, RuntimeError, ValueError) as error:
        raise NotReadableError("broken") from error


def _frames(image: Any, most_pages: int) -> Iterator[Image.Image]:
    from PIL import ImageOps

    _check_size(*image.size)
    number = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    if number > most_pages:
        raise NotReadableError("too-many-pages")
    for page in range(number):
        if number > 1:
            image.seek(page)
            _check_size(*image.size)
        image.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # a large JPEG is unpacked smaller
        yield _plain(ImageOps.exif_transpose(image))


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise NotReadableError("too-large")
    if min(width, height) < SMALLEST_SIDE:
        raise NotReadableError("broken")


def _of_pdf(data: bytes, most_pages: int) -> Iterator[Image.Image]:
    """Its pages, drawn. Raises NotReadableError."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise NotReadableError("pdf-with-password" if "password" in str(error).lower() else "broken") from error
    try:
        if len(document) > most_pages:
            raise NotReadableError("too-many-pages")
        if len(document) == 0:
            raise NotReadableError("empty")
        for page in document:
            yield _drawn(page)
    except pypdfium2.PdfiumError as error:
        raise NotReadableError("broken") from error
    finally:
        document.close()


def _drawn(page: Any) -> Image.Image:
    """A page at a scale that makes its longest side LONGEST_SIDE; pictures inside that unpack to too much are refused."""
    from pypdfium2 import raw

    for picture in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,)):
        width, height = picture.get_px_size()
        if width * height > MOST_PIXELS:
            raise NotReadableError("too-large")
    width, height = page.get_size()
    if min(width, height) <= 0:
        raise NotReadableError("broken")
    scale = min(LONGEST_SIDE / max(width, height), 300 / PDF_POINTS_AN_INCH)
    if min(width, height) * scale < 1:
        raise NotReadableError("broken")
    return _plain(page.render(scale=scale).to_pil())


def _plain(image: Image.Image) -> Image.Image:
    """RGB on white, no larger than LONGEST_SIDE."""
    from PIL import Image

    image = image.copy()
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        shown = image.convert("RGBA")
        white = Image.new("RGBA", shown.size, "white")
        white.alpha_composite(shown)
        image = white
    return image.convert("RGB")


def _jpeg(image: Image.Image) -> bytes:
    """Without the picture's own data: place, time and telephone go to nobody."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def difference_hash(image: Image.Image) -> str:
    """64 bits as 16 hex digits: whether each point of an 8 x 8 grid is darker than its neighbour to the right.

    The same ticket photographed again differs in few bits; so do other white papers on other tables. It is a hint and no proof.
    """
    from PIL import Image

    small = image.convert("L").resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.LANCZOS)
    points = small.tobytes()
    bits = 0
    for row in range(_HASH_SIDE):
        for column in range(_HASH_SIDE):
            at = row * (_HASH_SIDE + 1) + column
            bits = bits << 1 | (points[at] < points[at + 1])
    return f"{bits:016x}"


def distance(one: str, other: str) -> int:
    """In how many of their 64 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
