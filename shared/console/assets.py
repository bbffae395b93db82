"""The console's files: its style, its script, its icon, and htmx, which comes from npm and stands in the package.

They hold nothing of anybody, so that they are given out before somebody has signed in.
"""

from functools import cache
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter, Response

from shared import page_headers
from shared.errors import RefusedError

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parent / "static"
HTMX = "htmx.min.js"
HTMX_AT = (STATIC / HTMX, Path(__file__).parents[2] / "node_modules" / "htmx.org" / "dist" / HTMX)
"""Where htmx lies: in the package (a deployment puts it there), or where npm put it on this machine."""
KINDS = MappingProxyType({".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"})
FILES = ("console.css", "app.js", "icon.svg")
HEADERS = page_headers.EVERYWHERE | page_headers.API | {"Cache-Control": "public, max-age=3600"}


@router.get("/console/static/{name}")
def asset(name: str) -> Response:
    """One file of the console."""
    return Response(_content(name), media_type=KINDS[Path(name).suffix], headers=HEADERS)


@cache
def _content(name: str) -> bytes:
    """Raises RefusedError, 404, where there is no such file: the pages work without htmx too."""
    candidates = HTMX_AT if name == "htmx.js" else (STATIC / name,) if name in FILES else ()
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise RefusedError(404, "not-found", "There is nothing at this address.")
    return found.read_bytes()
