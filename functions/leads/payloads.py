"""The lead form: its fields, their checks, and the texts of refusals. Light: the endpoint imports it."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import azure.functions as func
from pydantic import AfterValidator, BaseModel, ConfigDict

from functions.leads import ids
from shared import clock
from shared.errors import FieldError, RefusedError
from shared.intake import body
from shared.intake.envelope import fingerprint
from shared.intake.fields import Label, Lenient, LongText, Needed, RequiredEmail, Text
from shared.intake.webhook import Payload, validate
from shared.readers import UnreadableError, phone
from shared.settings import get_settings

FIELDS = ("nombre", "email", "telefono", "empresa", "servicio", "fuente")
URLENCODED = "application/x-www-form-urlencoded"
OPTIONAL_FIELDS = ("acepta_mensajes", "texto_mensajes", "aviso_salud")
FORMS = (URLENCODED, "multipart/form-data")
MOST_FIELDS = 100
NO_NUMBER = ("nothing", "not-a-number", "not-a-line")
_DIGITS = range(7, 16)
TEXTS = Path(__file__).parent / "texts" / "form.json"


def _phone(value: str) -> str:
    """The number as it was written. One that rings nowhere is taken, too: the lead is followed up by mail alone."""
    try:
        phone.read(value, default=get_settings().default_phone_region)
    except UnreadableError as error:
        if error.reason in NO_NUMBER or sum(sign.isdigit() for sign in value) not in _DIGITS:
            raise ValueError("must be a phone number of 7 to 15 digits, with or without a country code") from error
    return value


ShortText = Annotated[str, Text(200, at_least=1), Lenient]


class LeadForm(BaseModel):
    """What a visitor fills in; of it `FIELDS` are needed, as in the system that this one replaces.

    `acepta_mensajes`: the box under which `texto_mensajes` stands was ticked. `aviso_salud`: the version of the notice on
    health data that was shown and accepted.
    """

    model_config = ConfigDict(defer_build=True)

    nombre: Annotated[str, Text(200, at_least=1), Needed, Lenient]
    email: RequiredEmail
    telefono: Annotated[str, Text(100, at_least=1), Lenient, AfterValidator(_phone)]
    empresa: ShortText
    servicio: ShortText
    fuente: ShortText
    acepta_mensajes: Label = None
    texto_mensajes: LongText = None
    aviso_salud: Label = None


class LeadPayload(Payload, LeadForm):
    """A form that was taken in, with our number for it, which the answer gave to the sender.

    `captcha`: `passed`, `unchecked` where its vendor could not be asked, None where none is asked for.
    """

    lead_id: int
    captcha: str | None = None

    def subject(self) -> str:
        """The lead, by our name for it."""
        return ids.key(self.lead_id)

    def occurred_at(self) -> datetime | None:
        """None: a form has no time of its own."""
        return None

    def event_id(self) -> str:
        """The lead, a fingerprint of the form's fields, and the time to the millisecond.

        The same fields an hour later may take back a correction, so they are an event of their own; where no other form came
        in between, `functions.leads.services` finds that they change nothing.
        """
        fields = fingerprint([getattr(self, name) for name in FIELDS])[:16]
        return f"{self.lead_id}-{fields}-{round(clock.now().timestamp() * 1000)}"


def read(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """What was sent, as JSON or as an HTML form.

    Raises:
        RefusedError: 415, 400 or 422, as for every webhook.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FORMS:
        body.check_content_type(request.headers)
        return body.parse_object(raw)
    try:
        if media_type == URLENCODED:
            payload = dict(parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS))
        else:
            payload = {name: request.form[name] for name in request.form}
    except ValueError as error:
        raise RefusedError(400, "bad-form", "The form cannot be read; it must be sent as UTF-8.") from error
    if wrong := [FieldError(name, "is not UTF-8") for name, value in payload.items() if "\ufffd" in value]:
        raise RefusedError(400, "bad-form", "The form cannot be read; it must be sent as UTF-8.", errors=wrong)
    return body.parse_object(json.dumps(payload).encode())  # held to the same rules as JSON


def checked(payload: Mapping[str, Any]) -> LeadForm:
    """The form, if it is one.

    Raises:
        RefusedError: 400 (as old callers know it) with every field that is missing or wrong.
    """
    missing = [name for name in FIELDS if _is_blank(payload.get(name))]
    if missing:
        faults = [FieldError(name, "is missing or blank") for name in missing]
        raise RefusedError(400, "missing-fields", "Fields are missing.", errors=faults)
    try:
        return validate(LeadForm, {name: payload[name] for name in (*FIELDS, *OPTIONAL_FIELDS) if name in payload})
    except RefusedError as error:
        raise RefusedError(400, error.reason, error.title, errors=error.errors) from error


def number_of(payload: Mapping[str, Any], time_zone: str) -> int:
    """Our number for the lead, by the local day in `time_zone` on which it comes (see `functions.leads.ids`)."""
    day = clock.now().astimezone(ZoneInfo(time_zone)).date()
    return ids.lead_id(str(payload.get("email", "")), str(payload.get("servicio", "")), day)


def text_for(reason: str, errors: list[dict[str, str]]) -> str:
    """What a visitor may read about a refusal, from `texts/form.json`."""
    texts, fields = _texts(), list(dict.fromkeys(fault["field"] for fault in errors))
    if reason == "missing-fields":
        return texts["missing"].format(fields=", ".join(fields))
    own = [texts[name] for name in fields if name in ("email", "telefono")]
    others = [name for name in fields if name not in ("email", "telefono")]
    if own or others:
        return " ".join([*own, *([texts["invalid"].format(fields=", ".join(others))] if others else [])])
    return texts.get(reason, texts["other"])


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


@cache
def _texts() -> dict[str, str]:
    found: dict[str, str] = json.loads(TEXTS.read_text(encoding="utf-8"))
    return found
