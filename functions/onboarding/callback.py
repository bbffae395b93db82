"""What the HR system is told: that an onboarding is complete, has failed, or was cancelled, with the results of its steps."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from functions.onboarding import reports
from functions.onboarding.settings import OnboardingSettings
from functions.onboarding.tables import Onboarding, OnboardingStep
from shared.errors import PermanentError
from shared.outbox.policy import TargetPolicy
from shared.settings import settings_of
from shared.store.session import reading
from shared.vendors.rest_client import RestClient

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = "onboarding-callback"
EVENTS = {
    "completed": "employee_onboarding_completed",
    "failed": "employee_onboarding_completed",
    "cancelled": "employee_onboarding_cancelled",
}
"""As the replaced flow: a failed onboarding is told by the same event, and says so in its status."""

CALLBACK = RestClient(name="Onboarding-Callback", address="onboarding_callback_url", read_seconds=15)


def policy() -> TargetPolicy:
    """Nobody says what it takes."""
    return TargetPolicy(slots=1, batches_per_second=2)


def put(step: OnboardingStep) -> None:
    """Tell the status as it is now. The same again has the same `Idempotency-Key`. Raises PuenteError."""
    with reading() as session:
        row = session.get(Onboarding, step.onboarding_id)
        if row is None:
            raise PermanentError("no-such-onboarding", f"onboarding {step.onboarding_id} is no more")
        body = body_of(row, reports.progress_of(session, row))
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": f"onboarding-{row.id}-{body['onboarding']['status']}",
        **_signed(raw),
    }
    CALLBACK.connected().answer("POST", what="telling of an onboarding", data=raw, headers=headers, repeatable=True)


def _signed(raw: bytes) -> dict[str, str]:
    secret = settings_of(OnboardingSettings).onboarding_callback_secret
    if secret is None:
        return {}
    return {"X-Webhook-Signature": hmac.new(secret.get_secret_value().encode(), raw, hashlib.sha256).hexdigest()}


def body_of(row: Onboarding, progress: reports.Progress) -> dict[str, Any]:
    """The members of the replaced flow's callback, from real results."""
    status = "cancelled" if row.state == "cancelled" else row.status
    return {
        "event": EVENTS.get(status, EVENTS["completed"]),
        "employee": {
            "email": row.login,
            "full_name": row.full_name,
            "employee_id": row.employee_id,
            "department": row.department,
            "position": row.position,
            "start_date": row.start_date.isoformat(),
            "manager_email": row.manager_email,
        },
        "onboarding": {
            "id": row.id,
            "status": status,
            "success_count": progress.done,
            "total_count": progress.total,
            "success_rate": progress.percent,
            "hris_source": row.hris_source,
            "idempotency_key": f"{row.email}:{row.start_date.isoformat()}",
        },
        "accounts": [_account(step) for step in progress.steps if step.name in ("idp", "workspace")],
    }


def _account(step: OnboardingStep) -> Mapping[str, Any]:
    return {
        "account_type": step.name,
        "system": step.target,
        "account_id": step.external_id,
        "account_status": step.state,
        "act": step.act,
        "detail": step.detail,
    }
