"""The page at `/`: plain files, sent as they are."""

from pathlib import Path

from aiohttp import web

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
STATIC = Path(__file__).resolve().parent / "static"


def add_page(app: web.Application) -> None:
    """Put the page and its files on `app`."""
    app.router.add_get("/", _page)
    app.router.add_static("/_sandbox_static", STATIC)


async def _page(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "index.html", headers=HEADERS)
