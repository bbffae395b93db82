"""The notice to IT, in Slack and in Teams: who comes when, what stands ready, and what is still to be done.

Nothing of it is a secret. Each is told once for each round: anew where the first day moves or the contract is cancelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from functions.onboarding import accounts
from functions.onboarding.steps import ABSENT
from functions.onboarding.tables import OnboardingStep
from shared.store.session import reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions.onboarding.accounts import Employee

CHECKLIST = (
    "Equipo: portátil, pantalla, teclado, accesos físicos",
    "Cuentas: entregar el primer acceso, segundo factor",
    "Listas de correo, grupos y licencias del departamento",
)
TAKEN_BACK = ("Recoger el equipo que se haya preparado", "Revisar las cuentas que no se hayan podido retirar")
SYSTEMS = {"idp": "Proveedor de identidad", "workspace": "Google Workspace"}
STATES = {
    "done": "lista",
    "pending": "en curso",
    "waiting": "en espera",
    "failed": "con error: necesita a una persona",
    "uncertain": "por revisar",
    "undone": "retirada",
    "skipped": "omitida",
    "off": "no se crea",
}


def heading(step: OnboardingStep, employee: Employee) -> str:
    """What it is about."""
    if step.wanted == ABSENT:
        return f"Contrato cancelado: {employee.row.full_name}"
    return f"{'Cambio en el ingreso' if step.round else 'Nuevo ingreso'}: {employee.row.full_name}"


def fields(employee: Employee, others: Sequence[OnboardingStep]) -> tuple[tuple[str, str], ...]:
    """Named values."""
    row = employee.row
    given = {
        "Correo": row.login,
        "Primer día": row.start_date.isoformat(),
        "Puesto": row.position,
        "Departamento": row.department,
        "Oficina": row.location,
        "Manager": row.manager_name or row.manager_email,
        "Número": row.employee_id,
    }
    given |= {SYSTEMS[one.name]: STATES.get(one.state, one.state) for one in others if one.name in SYSTEMS}
    return tuple((name, value) for name, value in given.items() if value)


def points(step: OnboardingStep) -> tuple[str, ...]:
    """What IT has to do."""
    return TAKEN_BACK if step.wanted == ABSENT else CHECKLIST


def _of(step: OnboardingStep) -> tuple[Employee, list[OnboardingStep]]:
    employee = accounts.of(step)
    with reading() as session:
        query = select(OnboardingStep).where(OnboardingStep.onboarding_id == step.onboarding_id).order_by(OnboardingStep.id)
        return employee, list(session.scalars(query))


def in_slack(step: OnboardingStep) -> None:
    """Post the notice. Raises PuenteError."""
    from shared.vendors.slack import post

    employee, others = _of(step)
    lines = [f"{name}: {value}" for name, value in fields(employee, others)]
    post("\n".join((heading(step, employee), *lines, *(f"• {point}" for point in points(step)))))


def in_teams(step: OnboardingStep) -> None:
    """Have the card posted; that the workflow was started is all that is known. Raises PuenteError."""
    from shared.vendors.teams import Card, post

    employee, others = _of(step)
    post(Card(title=heading(step, employee), facts=fields(employee, others), points=points(step)))
