"""What a coordination is asked for with, and what a robot reports. Light: imports no SQL."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

import azure.functions as func
from pydantic import AliasChoices, BeforeValidator, Field, StrictBool, model_validator

from shared.errors import RefusedError
from shared.intake import auth
from shared.intake.fields import Text
from shared.intake.webhook import BY_HAND, SIGNED, Payload, Sender, by_key_in_address, json_object
from shared.messages import signed
from shared.settings import Settings, get_settings

SENDER = "coordinations"
PURPOSE = "coordination"
UNKNOWN_CALLER = "coordinations"
COMPLETED = ("completed", "complete", "success", "successful", "succeeded", "done", "ok")
BROKEN = ("failed", "fail", "failure", "error", "aborted", "cancelled", "canceled", "timeout")
LONGEST_WAIT = 60 * 24 * 60
LONGEST_NAME = 100
KEYS = ("reference", "business_key", "businessKey", "process", "process_key", "process_definition_key", "processDefinitionKey")
TEXTS = (*KEYS, "bot")
STRICT = (*TEXTS, "approval", "wait_minutes")


def _object(value: Any) -> Any:
    """An object, also one that came as a text of JSON, as the replaced flow's input did."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError("must be a JSON object, or a text that holds one") from error
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004  # pydantic makes a refusal of this one alone
    return value


def _status(value: Any) -> Any:
    word = str(value).strip().lower()
    if word in COMPLETED:
        return "completed"
    if word in BROKEN:
        return "failed"
    raise ValueError(f"must say whether it went well: {COMPLETED[0]} or {BROKEN[0]}")


def _name(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


Words = Annotated[str, Text(100, at_least=1)]


class CoordinationRequest(Payload):
    """A wish for a process and its robot. `payload` goes to both; what is not named is as the settings say.

    A field that is there and cannot be read refuses the whole: without it another process or robot would be started, or one
    without the approval that was asked for.
    """

    payload: Annotated[dict[str, Any], BeforeValidator(_object)] = Field(description="what process and robot work on")
    reference: Words | None = _name("reference", "business_key", "businessKey")
    process: Words | None = _name("process", "process_key", "process_definition_key", "processDefinitionKey")
    bot: Words | None = None
    approval: StrictBool | None = Field(default=None, description="the robot waits for a second person")
    wait_minutes: Annotated[int, Field(ge=1, le=LONGEST_WAIT)] | None = None
    asked_by: Annotated[str, Text(60)] = UNKNOWN_CALLER

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_dropped(cls, data: Any) -> Any:
        for name in (name for name in STRICT if isinstance(data, dict) and data.get(name) is not None):
            value = data[name]
            if name == "approval" and not isinstance(value, bool):
                raise ValueError("approval must be true or false")
            if name == "wait_minutes" and (type(value) is not int or not 1 <= value <= LONGEST_WAIT):
                raise ValueError(f"wait_minutes must be a whole number from 1 to {LONGEST_WAIT}")
            if name in TEXTS and (not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_NAME):
                raise ValueError(f"{name} must be a text of 1 to {LONGEST_NAME} characters")
        return data

    def subject(self) -> str:
        """The process, where the sender names it."""
        return subject_of(self.reference or "new")

    def occurred_at(self) -> datetime | None:
        """The sender does not say; the business key, or the content, makes a repetition known."""
        return None


class RobotResult(Payload):
    """What a robot reports of its run. `coordination` is the number in the callback's address, or in the body beside a key."""

    coordination: Annotated[int, Field(ge=1, lt=2**53)] = Field(
        validation_alias=AliasChoices("coordination", "coordinationId", "coordination_id")
    )
    status: Annotated[Literal["completed", "failed"], BeforeValidator(_status)] = Field(
        validation_alias=AliasChoices("status", "state")
    )
    result: Any = Field(default=None, validation_alias=AliasChoices("result", "output", "payload"))
    error: Annotated[str, Text(1000)] | None = Field(
        default=None, validation_alias=AliasChoices("error", "errormessage", "message")
    )
    execution_id: Annotated[str, Text(100), BeforeValidator(str)] | None = _name("execution_id", "executionId")

    def subject(self) -> str:
        """The coordination."""
        return f"coordination:{self.coordination}"

    def occurred_at(self) -> datetime | None:
        """The robot does not say."""
        return None

    def event_id(self) -> str | None:
        """One result for each run: the same word again, however it is written, is the same event."""
        return f"{self.coordination}:{self.status}:{self.execution_id or ''}"


def subject_of(business_key: str) -> str:
    """The name of a coordination as the subject of events."""
    return f"coordination:{business_key}"[:100]


def by_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The caller has a key with the scope `webhook:coordinations`. Raises RefusedError, 401 or 403."""
    return by_key_in_address(request, raw, settings, sender=SENDER)


def by_token_or_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """The robot has the token of its callback's address, good for its own run; else a key is asked for, as for a request.

    Raises:
        RefusedError: 401 or 403.
    """
    if token := request.params.get("t"):
        signed.read(PURPOSE, token, settings.link_signing_secrets)
        return SIGNED
    return by_key(request, raw, settings)


def read_request(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """The request, with the name of the key by which it came: whoever asks may not approve. Raises RefusedError."""
    return json_object(request, raw) | {"asked_by": _caller(request)}


def read_result(request: func.HttpRequest, raw: bytes) -> dict[str, Any]:
    """What the robot reports, of the run that its token is for. Raises RefusedError."""
    data = json_object(request, raw)
    if not (token := request.params.get("t")):
        return data
    own = int(signed.read(PURPOSE, token, get_settings().link_signing_secrets))
    rest = {name: value for name, value in data.items() if name not in ("coordinationId", "coordination_id")}
    return rest | {"coordination": own}


def _caller(request: func.HttpRequest) -> str:
    """The name of the key of a request whose sender has been checked."""
    route: Mapping[str, str] = request.route_params
    if by_hand := route.get(BY_HAND):
        return by_hand
    for given in (request.headers.get(auth.HEADER), route.get("key")):
        with suppress(RefusedError):
            return auth.caller({auth.HEADER: given or ""}, get_settings().api_keys, auth.of_sender(SENDER)).name
    return UNKNOWN_CALLER
