"""Notices of Meta's about ourselves: templates, numbers, the account. What needs a person is an alert."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from shared.alerts import plan_alert
from shared.messages import approved_templates, number_states
from shared.store.types import key_of

HELD = frozenset({"PAUSED", "DISABLED", "REJECTED", "FLAGGED", "PENDING_DELETION"})
WORRYING = frozenset({"FLAGGED", "DOWNGRADE", "RESTRICTED"})


def apply(session: Session, notice: Mapping[str, Any], key: str) -> bool:
    """Apply one notice; whether it concerns us. A notice of a kind that is not known here is left alone."""
    field = str(notice.get("field") or "")
    if field == "message_template_status_update":
        return _template(session, notice)
    if field == "phone_number_quality_update":
        return _number(session, notice)
    if field in ("account_update", "template_category_update", "errors"):
        _alert(session, field, notice, key)
        return True
    return False


def _template(session: Session, notice: Mapping[str, Any]) -> bool:
    name, language = str(notice.get("message_template_name") or ""), str(notice.get("message_template_language") or "")
    status = str(notice.get("event") or "")
    if not name or not status:
        return False
    approved_templates.note_status(session, name, language, status)
    if status in HELD:
        text = f"Puente: Meta has the WhatsApp template {name} ({language}) as {status}; messages by it wait."
        plan_alert(session, f"meta-template:{key_of(name, language, status)}", text)
    return True


def _number(session: Session, notice: Mapping[str, Any]) -> bool:
    phone, event = f"+{notice.get('display_phone_number', '')!s}".replace("++", "+"), str(notice.get("event") or "")
    limit = notice.get("current_limit")
    known = number_states.note_quality(session, phone, event, str(limit)[:30] if isinstance(limit, str) else None)
    if known and event in WORRYING:
        _alert(session, "phone_number_quality_update", notice, key_of(phone, event, str(limit)))
    return known


def _alert(session: Session, field: str, notice: Mapping[str, Any], key: str) -> None:
    facts = ", ".join(f"{name}: {value}" for name, value in sorted(notice.items()) if name != "field")
    plan_alert(session, f"meta-notice:{key}", f"Puente: Meta says {field}: {facts}"[:1000])
