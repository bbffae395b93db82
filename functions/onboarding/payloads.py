"""What an HR system says of a contract: that it was signed, or that it was cancelled. Light: imports no SQL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from functions.onboarding import addresses
from functions.onboarding.settings import OnboardingSettings
from shared import clock
from shared.errors import FieldError, RefusedError
from shared.intake import lenient
from shared.intake.envelope import fingerprint
from shared.intake.fields import GivenName, Label, Name, OptionalInstant, Phone, RequiredEmail, RequiredName, ShortText
from shared.readers import UnreadableError
from shared.readers import email as emails
from shared.settings import settings_of

SENDER = "onboarding"
TITLE = "The contract cannot be taken: Validation failed."
LONGEST_NAME, SHORTEST_NAME = 200, 2
PAST, AHEAD = timedelta(days=7), timedelta(days=366)
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_OFF = {
    "enable_hris_lookup": ("hris",),
    "enable_account_creation": ("idp", "workspace"),
    "enable_welcome_email": ("welcome",),
    "enable_manager_tasks": ("tasks",),
    "enable_calendar_event": ("calendar",),
    "enable_hris_confirmation": ("callback",),
}
"""Switches of the replaced flow, by which one onboarding goes without some steps."""


def _day(value: Any) -> date:
    found = _DAY.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if found is not None:
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise ValueError("must be a date such as 2026-03-02")


StartDate = Annotated[date, BeforeValidator(_day)]


def _long_enough(value: str) -> str:
    if len(value) < SHORTEST_NAME:
        raise ValueError(f"must have {SHORTEST_NAME} to {LONGEST_NAME} characters")
    return value


FullName = Annotated[RequiredName, AfterValidator(_long_enough)]


def _aliases(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


def _needed(*names: str) -> Any:
    return Field(validation_alias=AliasChoices(*names))


class Contract(BaseModel):
    """A signed contract, under the names that BambooHR, Workday and Bizneo have for its fields."""

    model_config = ConfigDict(defer_build=True, validate_by_name=True)

    email: RequiredEmail = _needed("email", "email_address", "employee_email")
    start_date: StartDate = _needed("start_date", "startDate", "employment_start_date")
    manager_email: RequiredEmail = _needed("manager_email", "managerEmail", "supervisor_email")
    full_name: FullName = _needed("full_name", "fullName")
    last_name: Name = _aliases("last_name", "lastName", "lastname")
    first_name: GivenName = _aliases("first_name", "firstName", "firstname")
    manager_name: Name = _aliases("manager_name", "managerName")
    position: Label = _aliases("position", "job_title", "role")
    department: Label = _aliases("department", "dept")
    location: Label = _aliases("office_location", "location")
    phone: Phone = _aliases("phone", "phone_number")
    employee_id: ShortText = _aliases("employee_id", "employeeId", "id")
    contract_signed_date: OptionalInstant = _aliases("contract_signed_date", "contractSignedDate")


class Cancellation(BaseModel):
    """A contract that comes to nothing. `start_date` names one of several."""

    model_config = ConfigDict(defer_build=True, validate_by_name=True)

    email: RequiredEmail = _needed("email", "email_address", "employee_email")
    start_date: StartDate | None = Field(
        default=None, validation_alias=AliasChoices("start_date", "startDate", "employment_start_date")
    )
    reason: Label = None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A contract that may be taken. `email` is the employee's key, `login` how it is written everywhere; `off`: steps left out.

    `facts` are the columns of `Onboarding` besides; `seen` is the same for the same contract.
    """

    email: str
    login: str
    start_date: date
    signed_at: datetime | None
    facts: Mapping[str, Any]
    warnings: tuple[str, ...]
    off: frozenset[str]
    seen: str


def today() -> date:
    """The day of the company's calendar."""
    return clock.now().astimezone(ZoneInfo(settings_of(OnboardingSettings).onboarding_time_zone)).date()


def read(body: Mapping[str, Any], systems: tuple[str, ...]) -> Taken:
    """A contract by all rules, those of the `systems` in which accounts are made included.

    Raises:
        RefusedError: 422, with each field that is not as it must be.
    """
    given = _with_readable_address(_with_full_name(body), systems)
    contract, left_out = _validated(Contract, given)
    off = frozenset(step for name, steps in _OFF.items() if body.get(name) in (False, "false") for step in steps)
    wanted = tuple(one for one in systems if ("workspace" if one == "workspace" else "idp") not in off)
    _check_rules(contract)
    login = _login(contract.email, wanted)
    facts = contract.model_dump(exclude={"email", "start_date", "contract_signed_date"})
    signed_at = min(contract.contract_signed_date, clock.now()) if contract.contract_signed_date else None
    warnings = [f"{one.field}: {one.reason}" for one in left_out] + list(_doubts(contract))
    return Taken(
        email=contract.email,
        login=login,
        start_date=contract.start_date,
        signed_at=signed_at,
        facts=facts,
        warnings=tuple(warnings),
        off=off,
        seen=fingerprint(contract.model_dump(mode="json") | {"off": sorted(off)}),
    )


def read_cancellation(body: Mapping[str, Any]) -> Cancellation:
    """The cancellation. Raises RefusedError, 422."""
    return _validated(Cancellation, _with_readable_address(body, ()))[0]


def _validated[M: BaseModel](model: type[M], body: Mapping[str, Any]) -> tuple[M, tuple[lenient.LeftOut, ...]]:
    try:
        return lenient.read(model, body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        errors = [
            FieldError(str((fault["loc"] or ("body",))[0]), fault["msg"].removeprefix("Value error, ")) for fault in faults
        ]
        raise RefusedError(422, "validation", TITLE, detail=_summary(errors), errors=errors) from None


def _refused(field: str, message: str) -> RefusedError:
    errors = [FieldError(field, message)]
    return RefusedError(422, "validation", TITLE, detail=_summary(errors), errors=errors)


def _summary(errors: list[FieldError]) -> str:
    return "; ".join(f"{one.field}: {one.message}" for one in errors)[:500]


def _with_full_name(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, with a full name joined of the two where there is none."""
    given = dict(body)
    if not str(given.get("full_name") or given.get("fullName") or "").strip():
        parts = [
            _first(given, names) for names in (("first_name", "firstName", "firstname"), ("last_name", "lastName", "lastname"))
        ]
        if joined := " ".join(part for part in parts if part):
            given["full_name"] = joined
    return given


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = (given.get(name) for name in names)
    return next((value.strip() for value in found if isinstance(value, str) and value.strip()), "")


def _with_readable_address(body: Mapping[str, Any], systems: tuple[str, ...]) -> dict[str, Any]:
    """The body, with an employee's address beyond ASCII written plainly where the settings have it so.

    Raises:
        RefusedError: 422, naming the sign, where they do not.
    """
    given = dict(body)
    name = next((one for one in ("email", "email_address", "employee_email") if isinstance(given.get(one), str)), "")
    local, at, domain = str(given.get(name) or "").strip().rpartition("@")
    if not at or local.isascii():
        return given
    if settings_of(OnboardingSettings).onboarding_address_rule == "refuse":
        sign = next(sign for sign in local if not sign.isascii())
        where = " and ".join(systems) or "mail"
        raise _refused("email", f"{where} takes no {sign!r} in an address; see ONBOARDING_ADDRESS_RULE")
    given[name] = f"{addresses.plain_of(local)}@{domain}"
    return given


def _check_rules(contract: Contract) -> None:
    if contract.email == contract.manager_email:
        raise _refused("manager_email", "must be another person than the employee")
    day = today()
    if contract.start_date < day - PAST:
        raise _refused("start_date", f"lies more than {PAST.days} days in the past")
    if contract.start_date > day + AHEAD:
        raise _refused("start_date", "lies more than a year ahead")


def _login(email: str, systems: tuple[str, ...]) -> str:
    settings = settings_of(OnboardingSettings)
    is_plain = settings.onboarding_address_rule == "plain"
    try:
        return emails.read(addresses.login_of(email, systems, settings.onboarding_domains, plain=is_plain)).key
    except (addresses.AddressFaultError, UnreadableError) as error:
        raise _refused("email", str(error)) from None


def _doubts(contract: Contract) -> list[str]:
    """What is taken all the same, and noted."""
    settings = settings_of(OnboardingSettings)
    domain = contract.email.rpartition("@")[2]
    found = []
    if domain in addresses.PUBLIC_DOMAINS or (settings.onboarding_domains and domain not in settings.onboarding_domains):
        found.append("email: not of the company's domain")
    if contract.position and not contract.department:
        found.append("department: missing beside a position")
    return found
