"""Pictures of tickets, drawn by the tests: what arrives as a photo."""

import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont

LINES = (
    "PAPELERIA LUMEN",
    "FECHA 28/02/2026",
    "TICKET A-1042",
    "Cuaderno  2 x $25.00   $50.00",
    "Pluma     1 x $50.00   $50.00",
    "SUBTOTAL  $100.00",
    "IVA        $16.00",
    "TOTAL     $116.00",
    "PAGO: TARJETA",
)
TURNED = 6  # EXIF: the telephone was held upright, the sensor lies on its side


def drawn(lines: tuple[str, ...] = LINES, *, width: int = 600, height: int = 800) -> Image.Image:
    """A ticket, black on white."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=28)
    for number, line in enumerate(lines):
        draw.text((30, 30 + 60 * number), line, fill="black", font=font)
    return image


def saved(image: Image.Image, form: str, **more: Any) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def jpeg(lines: tuple[str, ...] = LINES, **more: Any) -> bytes:
    """A ticket as JPEG."""
    return saved(drawn(lines), "JPEG", **more)


def lying_on_its_side() -> bytes:
    """A JPEG whose pixels are turned, with the turn noted in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = TURNED
    return saved(drawn().rotate(90, expand=True), "JPEG", exif=exif)


def pdf(pages: int = 1) -> bytes:
    """A PDF of drawn pages."""
    from fpdf import FPDF

    document = FPDF(format=(148, 210))
    for number in range(1, pages + 1):
        document.add_page()
        document.set_font("Helvetica", size=14)
        for line in (f"Hoja {number}", *LINES):
            document.cell(0, 10, line, new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())


def locked_pdf() -> bytes:
    """A PDF that asks for a password."""
    from fpdf import FPDF

    document = FPDF()
    document.set_encryption(owner_password="dueña", user_password="secreto")  # of the tests alone
    document.add_page()
    return bytes(document.output())


def bomb() -> bytes:
    """Some kilobytes that unpack to 400 million pixels."""
    return saved(Image.new("1", (20_000, 20_000)), "PNG")


def heic(image: Image.Image | None = None) -> bytes:
    """A ticket as an iPhone takes it."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    return saved(drawn() if image is None else image, "HEIF", quality=60)


def heic_that_names(width: int, height: int) -> bytes:
    """A HEIC whose header names another size than the 600 x 800 points that are packed in it."""
    size = b"ispe" + bytes(4)
    named = [size + wide.to_bytes(4, "big") + high.to_bytes(4, "big") for wide, high in ((600, 800), (width, height))]
    found = heic()
    assert named[0] in found
    return found.replace(*named)


EIGHT = {
    "jpeg": jpeg,
    "turned": lying_on_its_side,
    "png": lambda: saved(drawn().convert("RGBA"), "PNG"),
    "webp": lambda: saved(drawn(), "WEBP"),
    "large": lambda: saved(drawn(width=3000, height=4000), "JPEG"),
    "tiff of two pages": lambda: saved(drawn(), "TIFF", save_all=True, append_images=[drawn(("Hoja 2",))]),
    "pdf": pdf,
    "pdf of two pages": lambda: pdf(2),
}
"""Eight files: what each is differs in type, turning, size and paging."""
