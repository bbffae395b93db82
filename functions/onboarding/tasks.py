"""What the manager has to do: four tasks for the first day, and one for each of the days 1, 3, 7 and 30 after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from functions.onboarding.tables import Onboarding, OnboardingTask
from shared import clock
from shared.store.dialect import insert_if_absent, locked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

PENDING, DONE, CANCELLED = "pending", "done", "cancelled"


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """One task: its name, what it is about, and how many days after the first one it is due."""

    code: str
    title: str
    text: str
    day: int = 0
    type: str = "task"
    priority: str = "medium"


KINDS = (
    TaskKind(code="welcome_gift", title="Preparar el detalle de bienvenida", text="Que esté en su lugar el primer día."),
    TaskKind(
        code="introduce_team", title="Presentar al equipo", text="Presentar a la persona a todo el equipo.", priority="high"
    ),
    TaskKind(code="review_documents", title="Revisar la documentación", text="Contrato, políticas y manual del empleado."),
    TaskKind(code="workspace", title="Preparar el espacio de trabajo", text="Escritorio, equipo y accesos físicos."),
    TaskKind(
        code="followup_day1", title="Día 1: accesos y bienestar", text="¿Funcionan los accesos? ¿Cómo fue el primer día?",
        day=1, type="followup",
    ),
    TaskKind(
        code="followup_day3", title="Día 3: integración", text="¿Conoce al equipo y sus tareas?", day=3, type="followup"
    ),
    TaskKind(
        code="followup_day7", title="Día 7: encuesta y 1:1", text="Enviar la encuesta y tener una reunión de uno a uno.",
        day=7, type="followup",
    ),
    TaskKind(
        code="followup_day30", title="Día 30: revisión", text="Revisar el primer mes y acordar objetivos.",
        day=30, type="review", priority="high",
    ),
)  # fmt: skip
BY_CODE = {kind.code: kind for kind in KINDS}


def make(session: Session, row: Onboarding) -> None:
    """The tasks of an onboarding; those that are there stay."""
    for kind in KINDS:
        values = {
            "key": f"{row.id}:{kind.code}",
            "onboarding_id": row.id,
            "code": kind.code,
            "task_type": kind.type,
            "day_number": kind.day,
            "due_on": row.start_date + timedelta(days=kind.day),
            "title": kind.title,
            "description": kind.text,
            "priority": kind.priority,
            "assignee": row.manager_email,
        }
        insert_if_absent(session, OnboardingTask, "key", values)


def move(session: Session, row: Onboarding) -> None:
    """What is left of them is due by the first day as it is now, and the manager's as they are now."""
    for task in of(session, row.id):
        if task.status == PENDING:
            task.due_on = row.start_date + timedelta(days=task.day_number)
            task.assignee = row.manager_email


def cancel(session: Session, row: Onboarding) -> None:
    """What is left of them is not to be done any more."""
    for task in of(session, row.id):
        if task.status == PENDING:
            task.status = CANCELLED


def of(session: Session, number: int) -> Sequence[OnboardingTask]:
    """The tasks of an onboarding, in the order of their making, locked."""
    query = select(OnboardingTask).where(OnboardingTask.onboarding_id == number).order_by(OnboardingTask.id)
    return session.scalars(locked(query, OnboardingTask)).all()


def set_status(task: OnboardingTask, status: str) -> None:
    """Note that a task is done, or is not after all."""
    task.status, task.done_at = status, clock.now() if status == DONE else None


def task_id(task: OnboardingTask, email: str) -> str:
    """The name that the replaced flow gave to a task."""
    return f"{task.code}_{email}"
