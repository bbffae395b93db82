"""The page behind the link of somebody who was asked for an approval.

GET  /api/approvals?t=<token>   shows what is asked for; changes nothing, because mail programs and gateways open links
POST /api/approvals?t=<token>   decides, or hands it to somebody else
"""

from __future__ import annotations

import logging

import azure.functions as func

from shared import page_headers
from shared.errors import RefusedError, RetryableError
from shared.intake import body

log = logging.getLogger("puente.approvals")

LARGEST_FORM_BYTES = 65_536
HTML = "text/html"
AWAY = 503
bp = func.Blueprint()


@bp.route("api/approvals", methods=["GET", "HEAD", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def approvals_page(req: func.HttpRequest) -> func.HttpResponse:
    """What is asked for, and two buttons; after a button, what has become of it. A second press changes nothing."""
    from functions.approvals import page

    token = req.params.get("t", "")
    try:
        body.check_size(req.get_body(), LARGEST_FORM_BYTES)
        shown = page.answer(token, req.get_body()) if req.method == "POST" else page.question(token)
        return _html(shown)
    except RefusedError as error:
        log.warning("a page of an approval was refused: %s %s", error.status, error.reason)
        return _html(page.refusal(error), error.status)
    except RetryableError as error:
        log.warning("a page of an approval was put off: %s", error)
        return _html(page.away(), AWAY)


def _html(text: str, status: int = 200) -> func.HttpResponse:
    return func.HttpResponse(text, status_code=status, mimetype=HTML, headers=page_headers.PAGE)
