"""The console's forms of a broadcast, as the fields of the API: so what the API refuses is refused here in the same words."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from functions.broadcasts.api_models import AutomationChange, AutomationIn
from functions.broadcasts.api_schedules import ScheduleIn
from functions.broadcasts.filters import FLAGS
from shared.console.listing import blank
from shared.errors import FieldError, RefusedError

FILTERS = 3
_BREAKS = re.compile(r"[\s,;]+")
_COMMAS = re.compile(r"[,;\n]+")
VARIABLE = "variable."
VARIANT = "variant."
"""What the names of fields begin with that hold a variable: of the text, and of the text B."""

Audience = Literal["numbers", "custom", "tags", "segment", "uploaded", "all"]
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


class AudienceForm(BaseModel):
    """For whom a broadcast is. Of the audiences only that which is chosen counts."""

    name: str = ""
    description: str = ""
    audience: Audience = "numbers"
    contact_ids: str = ""
    phone_numbers: str = ""
    tags: str = ""
    upload_id: str = ""
    field_1: str = ""
    operator_1: str = "eq"
    value_1: str = ""
    field_2: str = ""
    operator_2: str = "eq"
    value_2: str = ""
    field_3: str = ""
    operator_3: str = "eq"
    value_3: str = ""

    def fields(self) -> dict[str, Any]:
        """The automation's fields that it sets."""
        kind = "custom" if self.audience == "numbers" else self.audience
        return {"name": self.name, "description": self.description or None, "audience_type": kind} | {
            "audience_config": self._config()
        }

    def _config(self) -> dict[str, Any]:
        match self.audience:
            case "numbers":
                return {"phone_numbers": [line.strip() for line in self.phone_numbers.splitlines() if line.strip()]}
            case "custom":
                ids = [each for each in _BREAKS.split(self.contact_ids) if each]
                return {"contact_ids": [int(each) if each.isdecimal() else each for each in ids]}
            case "tags":
                return {"tag_ids": _listed(self.tags)}
            case "segment":
                return {"filters": self._filters()}
            case "uploaded":
                return {"upload_id": self.upload_id}
        return {}

    def _filters(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for number in range(1, FILTERS + 1):
            field, operator, value = (getattr(self, f"{part}_{number}").strip() for part in ("field", "operator", "value"))
            if field:
                found.setdefault(field, {})[operator] = _meant(field, operator, value)
        return found

    @classmethod
    def of(cls, name: str, description: str | None, kind: str, config: Mapping[str, Any]) -> "AudienceForm":
        """The form of what is kept: numbers that were typed have become a list."""
        given: dict[str, Any] = {"name": name, "description": description or "", "audience": kind}
        given["contact_ids"] = "\n".join(map(str, config.get("contact_ids") or ()))
        given["tags"] = ", ".join(config.get("tag_ids") or ())
        given["upload_id"] = str(config.get("upload_id") or "")
        asked = [
            (field, operator, value)
            for field, each in (config.get("filters") or {}).items()
            for operator, value in each.items()
        ]
        for number, (field, operator, value) in enumerate(asked[:FILTERS], start=1):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            given |= {f"field_{number}": field, f"operator_{number}": operator, f"value_{number}": shown}
        return cls(**given)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in _COMMAS.split(text) if each.strip()]


def _meant(field: str, operator: str, value: str) -> Any:
    """What somebody typed beside a field: a list, yes or no, or the text."""
    if operator == "in":
        return _listed(value)
    if field in FLAGS:
        return {"true": True, "sí": True, "si": True, "yes": True, "false": False, "no": False}.get(value.lower(), value)
    return value


Time = Annotated[str | None, BeforeValidator(blank)]


class PaceForm(BaseModel):
    """How fast it goes, in which hours, and when it begins by itself."""

    rate_limit_per_hour: str = "100"
    execution_window_start: Time = None
    execution_window_end: Time = None
    execution_timezone: str
    begins: Literal["by_hand", "once", "daily", "weekly", "monthly", "cron"] = "by_hand"
    start_date: str = ""
    start_time: str = ""
    end_date: Annotated[str | None, BeforeValidator(blank)] = None
    interval: str = "1"
    days: list[str] = Field(default_factory=list)
    day: str = "1"
    expression: str = ""
    on_free_days: Literal["run", "skip", "before", "after"] = "skip"

    def pace(self) -> dict[str, Any]:
        """The automation's fields that it sets."""
        names = ("execution_window_start", "execution_window_end", "execution_timezone")
        return {name: getattr(self, name) for name in names} | {"rate_limit_per_hour": _number(self.rate_limit_per_hour)}

    def schedule(self) -> dict[str, Any]:
        """The fields of its schedule. It rests until somebody lets it begin, after having seen what it would do."""
        keeps_off = self.on_free_days != "run"
        return {
            "recurrence_type": self.begins,
            "start_date": self.start_date,
            "start_time": self.start_time,
            "end_date": self.end_date,
            "recurrence_config": self._recurrence(),
            "execution_window_start": self.execution_window_start,
            "execution_window_end": self.execution_window_end,
            "execution_timezone": self.execution_timezone,
            "skip_weekends": keeps_off,
            "skip_holidays": keeps_off,
            "weekend_policy": self.on_free_days if self.on_free_days in ("before", "after") else None,
            "is_active": False,
        }

    def _recurrence(self) -> dict[str, Any]:
        match self.begins:
            case "daily":
                return {"interval": _number(self.interval)}
            case "weekly":
                return {"interval": _number(self.interval), "days": self.days}
            case "monthly":
                return {"interval": _number(self.interval), "day": _number(self.day)}
            case "cron":
                return {"expression": self.expression.strip()}
        return {}


def _number(text: str) -> int | str:
    return int(text) if text.strip().isdecimal() else text


def named(given: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """The variables of a form whose fields begin so, those that were left blank not among them."""
    found = {name.removeprefix(prefix): str(value).strip() for name, value in given.items() if name.startswith(prefix)}
    return {name: value for name, value in found.items() if value}


def texts(given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the text, and the text B where a share of the people is to get it."""
    share = str(given.get("share", "")).strip()
    b = {"share": _number(share), "variable_mapping": named(given, VARIANT)} if share not in ("", "0") else None
    return {"variable_mapping": named(given, VARIABLE), "variant_b": b}


def read[Model: BaseModel](model: type[Model], given: Mapping[str, Any]) -> Model:
    """A form, or a body of the API, made of these values.

    Raises:
        RefusedError: 422 that names the fields.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        faults = [FieldError(".".join(map(str, one["loc"]))[:100], str(one["msg"])) for one in error.errors()[:20]]
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=faults) from None


def new(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a new automation, as the API checks them."""
    return read(AutomationIn, fields).model_dump()


def changed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a change, as the API checks them."""
    body = read(AutomationChange, fields)
    return {name: value for name, value in body.model_dump().items() if name in body.model_fields_set}


def schedule(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a schedule, as the API checks them."""
    return read(ScheduleIn, fields).model_dump()
