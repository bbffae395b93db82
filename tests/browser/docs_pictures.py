"""Pictures of the console for docs/console.md, made of those that the browser tests keep.

`make console-pictures` runs the tests that take them, and then this.
"""

from pathlib import Path
from types import MappingProxyType

from PIL import Image

from tests.conftest import ROOT

TAKEN = ROOT / ".local" / "console"
KEPT = ROOT / "docs" / "console"
CHOSEN = MappingProxyType(
    {
        "today": "console-1280-light",
        "person": "console-people-1-1280-light",
        "execution": "console-executions-1-1280-light",
        "stopped": "console-stopped-1280-light",
        "outage": "console-outages-1-1280-light",
        "flow": "console-flows-leads-1280-light",
        "text": "console-texts-lead_welcome-1280-light",
        "today-on-a-phone": "console-390-dark",
    }
)
"""For each picture of the docs, the picture of a test."""
HIGHEST = 1_300  # of a page, in pixels as taken; what stands below is not shown
WIDEST = 900
COLOURS = 96


def made(taken: Path) -> Image.Image:
    """The upper part of a page, small enough for a repository."""
    with Image.open(taken) as page:
        part = page.convert("RGB").crop((0, 0, page.width, min(page.height, HIGHEST)))
    part.thumbnail((WIDEST, HIGHEST))
    return part.quantize(COLOURS, dither=Image.Dither.NONE)


def main() -> None:
    """Write each picture of the docs anew. Raises FileNotFoundError where a test took none."""
    KEPT.mkdir(exist_ok=True)
    for name, taken in CHOSEN.items():
        made(TAKEN / f"{taken}.png").save(KEPT / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
