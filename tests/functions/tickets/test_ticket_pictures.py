"""What arrives as a photo: type by content, turning, size and paging; what unpacks to too much is refused."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from functions.tickets import pictures as reader
from functions.tickets.pictures import NotReadableError
from tests.support import pictures

PAGES = {"tiff of two pages": 2, "pdf of two pages": 2}
LIMITS = {"largest_bytes": 20_000_000, "most_pages": 10}


@pytest.mark.parametrize("name", sorted(pictures.EIGHT))
def test_each_of_eight_becomes_pages_that_stand_upright(name: str) -> None:
    """JPEG, higher than wide, no larger than a model sees, without the camera's own data."""
    found = reader.pages_of(pictures.EIGHT[name](), **LIMITS)
    assert len(found.pages) == PAGES.get(name, 1)
    for page in found.pages:
        with Image.open(io.BytesIO(page)) as image:
            assert (image.format, image.mode, dict(image.getexif())) == ("JPEG", "RGB", {})
            assert image.height > image.width
            assert max(image.size) <= reader.LONGEST_SIDE


def test_picture_of_an_iphone_is_a_page_like_any_other() -> None:
    """HEIC, also where it lies on its side and says so: upright, and it looks like the JPEG of the same ticket."""
    exif = Image.Exif()
    exif[0x0112] = pictures.TURNED
    lying = pictures.drawn().rotate(90, expand=True)
    lying.info["exif"] = exif.tobytes()
    wanted = reader.pages_of(pictures.jpeg(), **LIMITS).dhash
    for data in (pictures.heic(), pictures.heic(lying)):
        found = reader.pages_of(data, **LIMITS)
        assert (found.kind, len(found.pages)) == ("image/heic", 1)
        with Image.open(io.BytesIO(found.pages[0])) as image:
            assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (600, 800), {})
        assert reader.distance(found.dhash, wanted) <= 4


def test_type_is_that_of_the_content() -> None:
    """A PDF that comes as `application/octet-stream`, with a line before its mark."""
    assert reader.kind_of(b"scanner 1.0\n" + pictures.pdf()) == "application/pdf"


def test_turned_photo_looks_as_one_that_was_taken_upright() -> None:
    """So that the hash of a ticket does not depend on how the telephone was held."""
    turned, upright = (reader.pages_of(data, **LIMITS).dhash for data in (pictures.lying_on_its_side(), pictures.jpeg()))
    assert reader.distance(turned, upright) <= 4


def test_hash_of_the_same_photo_in_another_quality_is_near_and_of_another_far() -> None:
    """It is a hint and no proof."""
    one, again = (reader.pages_of(pictures.jpeg(quality=quality), **LIMITS).dhash for quality in (95, 30))
    other = reader.pages_of(pictures.saved(pictures.drawn().rotate(180), "PNG"), **LIMITS).dhash
    assert reader.distance(one, again) <= 4
    assert reader.distance(one, other) > 16


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"", "empty"),
        (lambda: b"hola", "unknown-type"),
        (lambda: b"\x00\x00\x00\x18ftypheic" + b"\x00" * 64, "broken"),
        (lambda: pictures.heic()[:-2000], "broken"),
        (lambda: pictures.heic_that_names(9_000, 9_000), "too-large"),
        (lambda: pictures.heic_that_names(20_000, 20_000), "too-large"),
        (lambda: pictures.heic_that_names(60, 80), "broken"),
        (lambda: pictures.jpeg()[:2000], "broken"),
        (lambda: b"%PDF-1.7\nnothing", "broken"),
        (pictures.locked_pdf, "pdf-with-password"),
        (pictures.bomb, "too-large"),
        (lambda: pictures.pdf(3), "too-many-pages"),
        (lambda: pictures.saved(pictures.drawn(width=20, height=20), "PNG"), "broken"),
    ],
)
@pytest.mark.share(5)
def test_what_nobody_can_read_has_a_reason(make: Callable[[], bytes], reason: str) -> None:
    """By which the sender is told what to do."""
    with pytest.raises(NotReadableError) as refused:
        reader.pages_of(make(), largest_bytes=20_000_000, most_pages=2)
    assert refused.value.reason == reason


@pytest.mark.slow
def test_picture_inside_a_pdf_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is looked at before it is drawn."""
    from fpdf import FPDF

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # else it could not even be put into a PDF
    document = FPDF()
    document.add_page()
    document.image(io.BytesIO(pictures.saved(Image.new("1", (12_000, 12_000)), "PNG")), w=100)
    with pytest.raises(NotReadableError) as refused:
        reader.pages_of(bytes(document.output()), **LIMITS)
    assert refused.value.reason == "too-large"


def test_file_that_is_too_long_is_not_opened() -> None:
    """By its bytes."""
    with pytest.raises(NotReadableError) as refused:
        reader.pages_of(pictures.jpeg(), largest_bytes=100, most_pages=1)
    assert refused.value.reason == "too-large"
