"""The outside systems of a run on one machine: every one of them is the sandbox (`local/values.py` says what wins over it).

Which settings a vendor needs stands with the vendor (`sandbox/settings.py`); what has to do with the run itself is added here.
"""

import hashlib
import json
import re
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from local import ticket
from local.ports import Ports
from sandbox.settings import app_settings
from sandbox.smtp import PASSWORD, USER
from shared.messages import templates

_CAMPAIGN = {
    "portal_url": "https://portal.example/entrar",
    "pdf_download_link": "https://recursos.example/diagnostico.pdf",
    "spots_remaining": "8",
}
_HOLE = re.compile(r"\{\{\s*(.+?)\s*\}\}")
# What is seen at once must not wait for the morning, or for Monday.
NO_QUIET_HOURS = "00:00-00:00"
_AT_ONCE = {"QUIET_HOURS": NO_QUIET_HOURS, "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun"}
# Every text of the repository has what it needs.
_LINKS = {
    "LINK_SIGNING_SECRETS": "local-link-secret",
    "DIGEST_SECRETS": "local-digest-secret",
    "RESOURCE_URL": "https://recursos.example/guia.pdf",
    "SURVEY_URL": "https://encuesta.example/reunion",
    "LEAD_SERVICES": "automatización de ventas",
}


class Content(NamedTuple):
    """An approved WhatsApp template: Twilio's id for ours of that name, and its text with `{{1}}`, `{{2}}`, ..."""

    name: str
    sid: str
    body: str


def systems(ports: Ports) -> dict[str, str]:
    """The app's settings with which every outside system is the sandbox on `ports`."""
    sids = {content.name: content.sid for content in contents()}
    return {
        **app_settings(f"http://127.0.0.1:{ports.sandbox}"),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{ports.host}",
        "SMTP_URL": f"smtp://{USER}:{PASSWORD}@127.0.0.1:{ports.smtp}",
        "TWILIO_CONTENT_SIDS": json.dumps(sids),
    }


def demonstration() -> dict[str, str]:
    """Settings with which the demonstration shows everything at once, where the user has chosen nothing else."""
    campaign = _CAMPAIGN | {"deadline_date": f"{date.today() + timedelta(days=14)}"}  # noqa: DTZ011  # as a person counts
    senders = json.dumps({ticket.SENDER: ticket.PERSON})
    shown = {
        "CAMPAIGN_VARIABLES": json.dumps(campaign),
        "PAYMENTS_ALERT_ABOVE": '{"MXN": "1000"}',
        "TICKETS_SENDERS": senders,
        "TICKETS_READER": "openai",  # whose answer the demonstration sets; the sandbox plays Document Intelligence as well
        "BROADCAST_APPROVAL_ABOVE": "1",
    }
    return {**_AT_ONCE, **_LINKS, **shown, "MEETINGS_CALENDAR": "google"}


def contents(folders: Sequence[Path] = ()) -> Iterator[Content]:
    """Our WhatsApp templates as Meta would have approved them, from those of the repository."""
    found = (path for folder in folders or [root / "es" for root in templates.roots()] for path in folder.glob("*/meta.yaml"))
    for path in sorted(found, key=lambda path: path.parent.name):
        meta = yaml.safe_load(path.read_text())
        if "whatsapp" in meta["channels"]:
            name = path.parent.name
            sid = "HX" + hashlib.sha256(name.encode()).hexdigest()[:32]
            yield Content(name, sid, _numbered((path.parent / "body.txt").read_text(), meta))


def teach(sandbox_url: str) -> None:
    """Tell the sandbox's Twilio the texts of the approved templates; doing it again changes nothing."""
    for content in contents():
        body = json.dumps({"id": content.sid, "body": content.body}).encode()
        request = urllib.request.Request(f"{sandbox_url}/_sandbox/twilio/content", body, method="POST")  # noqa: S310  # our own process
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310  # as above
            pass


def _numbered(text: str, meta: Mapping[str, Any]) -> str:
    """The text with numbers in the place of its variables."""
    numbers = {expression: str(number) for number, expression in enumerate(meta.get("content_variables", ()), start=1)}
    return _HOLE.sub(lambda hole: "{{" + numbers.get(hole[1], hole[1]) + "}}", text).strip()
