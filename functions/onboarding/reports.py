"""Progress, time and compliance of an onboarding, and of all of them: from what has really become of each step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from functions.onboarding.settings import OnboardingSettings
from functions.onboarding.tables import (
    CANCELLED,
    COMPLETED,
    Onboarding,
    OnboardingManual,
    OnboardingStep,
)
from shared import clock
from shared.settings import settings_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DONE, OFF = "done", "off"
TAKEN_AT_THE_DOOR = 2
"""Validation and the check for a duplicate: an onboarding that exists has passed both."""

REQUIRED = frozenset(
    ("data_validation", "idempotency_enforced", "manager_assigned", "documentation_sent", "it_notified", "data_integrity")
)
LEAST_SCORE, LEAST_RATE, ALERT_RATE = 80, 70, 50
ADVICE = {
    "manager_assigned": "Nadie es responsable: asignar un manager.",
    "documentation_sent": "El correo de bienvenida con el manual no ha salido.",
    "it_notified": "TI no ha recibido el aviso.",
    "data_integrity": "Un paso terminó sin que se sepa su resultado: revisarlo.",
    "accounts_created": "Falta una cuenta: revisar el paso y repetirlo.",
    "success_rate": "Menos del 70 % de los pasos se ha cumplido.",
}


@dataclass(frozen=True)
class Progress:
    """How far an onboarding is. Steps that are switched off count for nothing."""

    steps: tuple[OnboardingStep, ...]
    done: int
    total: int

    @property
    def percent(self) -> int:
        """The share of what was done, in whole percent."""
        return 100 * self.done // self.total


def progress_of(session: Session, row: Onboarding) -> Progress:
    """The steps in their order, and how many of them are done; the last one, which reports them, does not count."""
    query = select(OnboardingStep).where(OnboardingStep.onboarding_id == row.id).order_by(OnboardingStep.id)
    steps = tuple(session.scalars(query))
    counted = [step for step in steps if step.state != OFF and step.name != "callback"]
    done = sum(step.state == DONE for step in counted)
    return Progress(steps, done + TAKEN_AT_THE_DOOR, len(counted) + TAKEN_AT_THE_DOOR)


def sla_of(row: Onboarding) -> dict[str, Any]:
    """The minutes that it took or has taken so far, against the settings: `ok`, `warning` from four fifths on, `late`."""
    limit = settings_of(OnboardingSettings).onboarding_sla_minutes
    end = row.settled_at if row.status == COMPLETED and row.settled_at else clock.now()
    minutes = max(0, int((end - row.received_at).total_seconds() // 60))
    state = "late" if minutes >= limit else "warning" if minutes * 100 >= limit * 80 else "ok"
    return {"limit_minutes": limit, "minutes": minutes, "state": state}


def compliance_of(row: Onboarding, progress: Progress) -> dict[str, Any]:
    """The checks of the replaced flow, by what happened. `compliant` needs 80 of 100 points and all that are required."""
    state = {step.name: step.state for step in progress.steps}
    notices = [state[name] for name in ("slack", "teams") if state.get(name, OFF) != OFF]
    made = [state[name] for name in ("idp", "workspace") if state.get(name, OFF) != OFF]
    welcome = next((step for step in progress.steps if step.name == "welcome"), None)
    checks = {
        "data_validation": True,
        "idempotency_enforced": True,
        "manager_assigned": bool(row.manager_email),
        "documentation_sent": welcome is not None and welcome.state == DONE and welcome.detail == "with-manual",
        "it_notified": bool(notices) and DONE in notices,
        "data_integrity": "uncertain" not in state.values(),
        "accounts_created": bool(made) and all(one == DONE for one in made),
        "success_rate": progress.percent >= LEAST_RATE,
    }
    score = 100 * sum(checks.values()) // len(checks)
    is_compliant = score >= LEAST_SCORE and all(checks[name] for name in REQUIRED)
    failed = [name for name, is_good in checks.items() if not is_good]
    return {
        "status": "compliant" if is_compliant else "needs_review",
        "score": score,
        "checks": [{"name": name, "passed": is_good, "required": name in REQUIRED} for name, is_good in checks.items()],
        "recommendations": [ADVICE[name] for name in failed if name in ADVICE],
        "alert": progress.percent < ALERT_RATE,
    }


def summary(session: Session, since: datetime, until: datetime) -> dict[str, Any]:
    """The figures of the onboardings whose contracts came in that time."""
    came = (Onboarding.received_at >= since, Onboarding.received_at < until)
    by_status = dict(session.execute(select(Onboarding.status, func.count()).where(*came).group_by(Onboarding.status)).all())
    cancelled = session.scalar(select(func.count()).where(*came, Onboarding.state == CANCELLED)) or 0
    completed = select(Onboarding.received_at, Onboarding.settled_at).where(*came, Onboarding.status == COMPLETED)
    seconds = sorted((end - begin).total_seconds() for begin, end in session.execute(completed) if end is not None)
    numbers = select(Onboarding.id).where(*came)
    accounts = select(OnboardingStep.target, OnboardingStep.act, func.count()).where(
        OnboardingStep.onboarding_id.in_(numbers), OnboardingStep.name.in_(("idp", "workspace")), OnboardingStep.state == DONE
    )
    made = session.execute(accounts.group_by(OnboardingStep.target, OnboardingStep.act)).all()
    total = sum(by_status.values())
    return {
        "onboarding_total": total,
        "onboarding_completed_total": by_status.get(COMPLETED, 0),
        "onboarding_failed_total": by_status.get("failed", 0),
        "onboarding_cancelled_total": cancelled,
        "onboarding_success_rate": 100 * by_status.get(COMPLETED, 0) // total if total else None,
        "onboarding_duration_seconds": {
            "median": seconds[len(seconds) // 2] if seconds else None,
            "longest": seconds[-1] if seconds else None,
        },
        "onboarding_accounts_created": [{"system": target, "act": act, "count": count} for target, act, count in made],
    }


def manual_of(session: Session) -> OnboardingManual | None:
    """The manual that goes with welcome mails now."""
    return session.scalars(select(OnboardingManual).order_by(OnboardingManual.id.desc()).limit(1)).first()
