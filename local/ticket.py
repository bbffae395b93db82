"""The demonstration's ticket: a photo by WhatsApp whose total could be read in two ways, a question, an answer, a row."""

import base64
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local import lead
from local.part import Part, Row

SENDER, PERSON = "+525511110000", "Ana Demo"
TOTAL = "1.250"
UNPROVEN: dict[str, Any] = {"items": [], "subtotal": None, "impuestos": None}


class Demo(Part):
    """Sends the photo to the sandbox's Twilio, and answers the question. `ask` is a request to the app with its key."""

    def __init__(self, sandbox_url: str, ask: Callable[[str], dict[str, Any]]) -> None:
        super().__init__(sandbox_url, ask)

    def show(self) -> bool:
        """Send it, answer, and wait for our record of it and its row in the sheet; whether all of it came."""
        number = f"T-{datetime.now(UTC):%d%H%M%S}"
        photo = f"{self.sandbox_url}/_sandbox/twilio/photo"
        print(f"\n  POST {photo}  ({PERSON}, {number})")
        printed = UNPROVEN | {"total": TOTAL, "nro_ticket": number}
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/openai/ticket", {"fields": printed, "once": True})
        content = base64.b64encode(_drawn(number)).decode()
        answer = lead.asked("POST", photo, {"from": SENDER, "base64": content, "mime_type": "image/jpeg"})
        if not (answer.get("result") or {}).get("id"):
            print("    refused: no photo was taken")
            return False
        if not self._came(number, "asked", lambda row: row["status"] == "asking"):
            return False
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/twilio/reply", {"from": SENDER, "text": "A"})
        return self._came(number, "booked", lambda row: row["status"] == "booked" and row["sheet_sync_status"] == "success")

    def _came(self, number: str, what: str, is_there: Callable[[Row], bool]) -> bool:
        return self.came(
            "/api/v1/tickets",
            lambda row: row["number"] == number and is_there(row),
            lambda row: f"{what:<9} {_shown(what, row)}",
            f"{what}: did not come in time",
        )


def _shown(what: str, row: Row) -> str:
    if what == "asked":
        readings = " or ".join(row["doubts"][0]["readings"])
        return f"{TOTAL} on the ticket: is that {readings}? {row['person']} is asked by WhatsApp, and answers A"
    return f"{row['supplier']}, {row['total']} {row['currency']}; the row in the Google Sheet is in step"


def _drawn(number: str) -> bytes:
    """The photo: what stands on it the stand-in does not look at, and says what it was told."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (600, 800), "white")
    font = ImageFont.load_default(size=30)
    for place, line in enumerate(("PAPELERÍA LUMEN", f"TICKET {number}", f"TOTAL {TOTAL}")):
        ImageDraw.Draw(image).text((40, 40 + 70 * place), line, fill="black", font=font)
    out = io.BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()
