"""What all accounts have in common: whose one is that was there, what is kept of the answer, and what can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from functions.onboarding import payloads
from functions.onboarding.tables import OPEN, Onboarding
from shared.errors import PermanentError
from shared.store.session import reading
from shared.vendors import answers

if TYPE_CHECKING:
    from functions.onboarding.tables import OnboardingStep
    from shared.vendors.connection import Connection

CREATED, REACTIVATED, ACTIVATED, FOUND = "created", "reactivated", "activated", "found"
STAGED, ACTIVE, REMOVED, DEACTIVATED, KEPT = "staged", "active", "removed", "deactivated", "kept"
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Employee:
    """The onboarding as it is now, and whether a later one of the same address is open (a rehire)."""

    row: Onboarding
    is_superseded: bool

    @property
    def has_begun(self) -> bool:
        """Whether the first day has come."""
        return self.row.start_date <= payloads.today()

    @property
    def given_name(self) -> str:
        """The first name; of a full name its first word."""
        return self.row.first_name or self.row.full_name.split()[0]

    @property
    def family_name(self) -> str:
        """The family name; of a full name what follows the first word."""
        return self.row.last_name or " ".join(self.row.full_name.split()[1:]) or self.given_name


@dataclass(frozen=True, kw_only=True)
class Holder:
    """What an account says of whose it is: the employee's number (may be empty), the name, and when it was made."""

    number: str
    given_name: str
    family_name: str
    created: datetime | None

    def is_new(self, employee: Employee) -> bool:
        """Whether the account was made since the contract came."""
        return self.created is not None and self.created >= employee.row.received_at - CLOCKS_DIFFER

    def is_another(self, employee: Employee) -> bool:
        """Whether the number says that it is somebody else's."""
        return bool(self.number and employee.row.employee_id and self.number != employee.row.employee_id)

    def is_of_our_making(self, employee: Employee) -> bool:
        """Whether the account is as one that we have made, its answer lost: new, and under the employee's name."""
        has_name = _key(self.given_name, self.family_name) == _key(employee.given_name, employee.family_name)
        return self.is_new(employee) and has_name


def of(step: OnboardingStep) -> Employee:
    """Whose step it is.

    Raises:
        PermanentError: `no-such-onboarding`, it was erased.
    """
    with reading() as session:
        row = session.get(Onboarding, step.onboarding_id)
        if row is None:
            raise PermanentError("no-such-onboarding", f"onboarding {step.onboarding_id} is no more")
        later = select(Onboarding.id).where(Onboarding.login == row.login, Onboarding.state == OPEN, Onboarding.id > row.id)
        return Employee(row, session.scalars(later.limit(1)).first() is not None)


def look_up(http: Connection, path: str, **request: Any) -> Mapping[str, Any] | None:
    """The account at that address of a directory; None where there is none (404). Raises PuenteError."""
    response = http.request("GET", path, repeatable=True, **request)
    if response.status_code == HTTPStatus.NOT_FOUND:
        return None
    what = "looking a user up"
    if not answers.is_good(response):
        raise http.refusal(response, what, repeatable=True)
    return answers.mapping(response, http.words(what), repeatable=True)


def check_same(step: OnboardingStep, employee: Employee, holder: Holder) -> bool:
    """Whether an account that was there is one that we have made, its answer lost. False: it is the same employee's, older.

    The same employee has the same number. Where not both sides have one, the account is ours if it was made since the contract
    came, under the same name; else a person looks at it and confirms it.

    Raises:
        PermanentError: `another-person`, the number is another one; `unproven-person`, nothing says whose it is.
    """
    check_not_another(step, employee, holder)
    if holder.is_of_our_making(employee):
        return True
    if step.confirmed or (holder.number and holder.number == employee.row.employee_id):
        return False
    raise PermanentError("unproven-person", f"{step.target}: an account with this sign-in name was there before")


def check_not_another(step: OnboardingStep, employee: Employee, holder: Holder) -> None:
    """Raises PermanentError `another-person`: the number is another one, and nobody has confirmed the account."""
    if holder.is_another(employee) and not step.confirmed:
        raise PermanentError("another-person", f"{step.target}: the sign-in name belongs to another employee")


def _key(*names: str) -> str:
    return " ".join(" ".join(names).casefold().split())


def kept(step: OnboardingStep, *, act: str, detail: str, external_id: str) -> dict[str, Any]:
    """What is kept of an answer. What was done to the account at first stays: it says what can be taken back."""
    return {"act": step.act or act, "detail": detail, "external_id": external_id or step.external_id, "answer": {}}


def may_take_back(step: OnboardingStep, employee: Employee, holder: Holder) -> bool:
    """Whether an account is one that this onboarding has made or opened, and no later one needs it.

    One that was made, its answer lost, is known as in `check_same`; what nobody can tell is left to a person.
    """
    if employee.is_superseded:
        return False
    is_lost = holder.is_of_our_making(employee) and (step.confirmed or not holder.is_another(employee))
    return is_lost or step.act in (CREATED, REACTIVATED, ACTIVATED)
