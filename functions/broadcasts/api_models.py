"""Bodies and answers of `/api/v1/flow-automations`, with the names of fields and the limits of the system it replaces."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints, WithJsonSchema

from functions.broadcasts import ids
from functions.broadcasts.api_comparison import ComparedOut
from functions.broadcasts.states import AutomationStatus, ExecutionStatus, RecipientStatus
from functions.broadcasts.stats import Figures
from functions.broadcasts.tables import DEFAULT_ZONE, Automation, Execution, Recipient
from shared.setting_dates import TimeZone
from shared.web.bodies import Body, Words255

TriggerType = Literal["manual", "scheduled", "cron"]
AudienceType = Literal["all", "segment", "tags", "custom", "uploaded"]
ContactId = StrictInt | Annotated[str, StringConstraints(min_length=1, max_length=40)]


def _time(text: str) -> str:
    return text[:5]


ClockTime = Annotated[
    str,
    StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"),
    AfterValidator(_time),
    Field(description="Local time `HH:MM` in `execution_timezone`, inclusive; a start after the end spans midnight."),
]


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("must be a UUID") from None


UuidText = Annotated[str, AfterValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]


class VariantIn(Body):
    """A second text, B: other values of variables, for a share of the people."""

    share: int = Field(ge=1, le=99, description="How many of a hundred people get it; who they are stays from run to run.")
    variable_mapping: dict[str, Any] = Field(description="The variables by which it differs from the text A.")


class AutomationChange(Body):
    """What of an automation is to be changed; what is left out stays."""

    read_only: ClassVar[frozenset[str]] = frozenset(
        (
            *("id", "is_active", "created_at", "updated_at", "deleted_at", "last_executed_at", "next_scheduled_at"),
            *(f"total_{name}" for name in ("executions", "sent", "delivered", "read", "replied", "completed", "failed")),
            *("organization_id", "created_by"),
        )
    )

    name: Words255 = Field(default_factory=str)
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    chatbot_id: UuidText | None = Field(default=None, description="A chatbot (`GET /api/v1/chatbots`).")
    flow_id: UuidText = Field(default_factory=str, description="A flow (`GET /api/v1/chatbots/{id}/flows`).")
    whatsapp_number_id: UuidText | None = Field(
        default=None, description="The number it goes out from; else the chatbot's, else the first of the settings."
    )
    trigger_type: TriggerType = "manual"
    trigger_config: dict[str, Any] = Field(default_factory=dict)
    audience_type: AudienceType = "custom"
    audience_config: dict[str, Any] = Field(
        default_factory=dict,
        description="`contact_ids`, `tag_ids`, `filters`, `upload_id` or `phone_numbers`, as `audience_type` has it.",
    )
    variable_mapping: dict[str, Any] = Field(
        default_factory=dict, description="Variable -> text, such as `{{contact.first_name|amigo}}`."
    )
    variant_b: VariantIn | None = Field(default=None, description="A second text, to be compared; null: one text.")
    status: Literal["draft", "active", "paused", "archived"] = Field(default_factory=lambda: "draft")
    max_concurrent_executions: int = Field(default=50, ge=1, le=500, description="Calls of the vendor under way at once.")
    rate_limit_per_hour: int = Field(
        default=100, ge=1, le=1_000_000, description="People written to in any hour; BROADCAST_MAX_RATE_PER_HOUR is the most."
    )
    batch_delay_seconds: int = Field(default=0, ge=0, le=86_400, description="A further pause after each hundred.")
    retry_failed: StrictBool = True
    max_retries: int = Field(default=3, ge=1, le=10)
    execution_window_start: ClockTime | None = None
    execution_window_end: ClockTime | None = None
    execution_timezone: TimeZone = DEFAULT_ZONE


class AutomationIn(AutomationChange):
    """An automation."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Navidad",
                    "flow_id": "1d9f74cc-5598-57f8-aac0-938aeeac40a2",
                    "audience_type": "tags",
                    "audience_config": {"tag_ids": ["VIP"]},
                    "variable_mapping": {"first_name": "{{contact.first_name|amigo}}"},
                    "rate_limit_per_hour": 500,
                    "execution_window_start": "09:00",
                    "execution_window_end": "20:00",
                    "execution_timezone": "America/Mexico_City",
                }
            ]
        }
    )

    name: Words255
    flow_id: UuidText = Field(description="A flow (`GET /api/v1/chatbots/{id}/flows`).")


class AutomationOut(BaseModel):
    """An automation, with the sums over all of its executions."""

    id: str
    name: str
    description: str | None
    chatbot_id: str | None
    flow_id: str
    whatsapp_number_id: str | None
    trigger_type: str
    trigger_config: dict[str, Any]
    audience_type: str
    audience_config: dict[str, Any]
    variable_mapping: dict[str, Any]
    variant_b: dict[str, Any] | None
    status: AutomationStatus
    is_active: bool
    max_concurrent_executions: int
    rate_limit_per_hour: int
    batch_delay_seconds: int
    retry_failed: bool
    max_retries: int
    execution_window_start: str | None
    execution_window_end: str | None
    execution_timezone: str
    total_executions: int
    total_sent: int
    total_delivered: int
    total_read: int
    total_replied: int
    total_completed: int
    total_failed: int
    last_executed_at: datetime | None
    next_scheduled_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Automation, counted: Mapping[str, int]) -> "AutomationOut":
        """The row as it is shown."""
        same = {name: getattr(row, name) for name in cls.model_fields if name != "id" and hasattr(row, name)}
        totals = {
            f"total_{name}": counted.get(name, 0) for name in ("sent", "delivered", "read", "replied", "completed", "failed")
        }
        return cls(**same | totals, id=row.uuid)


class Listed[Item](BaseModel):
    """A page of a list, by `skip` and `limit`."""

    items: list[Item]
    total: int
    page: int
    page_size: int
    total_pages: int

    @classmethod
    def of(cls, items: list[Item], total: int, skip: int, limit: int) -> "Listed[Item]":
        """The page that begins behind `skip` rows."""
        return cls(items=items, total=total, page=skip // limit + 1, page_size=limit, total_pages=-(-total // limit))


class StartIn(Body):
    """How an automation is started."""

    test_mode: StrictBool = Field(default=False, description="Write to `test_contact_ids` alone.")
    test_contact_ids: list[ContactId] = Field(default_factory=list, max_length=100)


class ReasonIn(Body):
    """Why."""

    reason: Annotated[str, StringConstraints(max_length=200)] | None = None


class ExecutionOut(BaseModel):
    """One run of an automation, with its counts."""

    id: str
    automation_id: str
    execution_type: str
    triggered_by_user_id: str | None = Field(description="The name of the key that started it.")
    triggered_by_event: str | None
    scheduled_for: datetime | None
    status: ExecutionStatus
    approval: str = Field(description="`none`, `pending`, `approved` or `rejected`.")
    approval_id: str | None
    planning: bool = Field(description="Recipients are still being worked out.")
    test_mode: bool
    total_recipients: int
    messages_sent: int
    messages_delivered: int
    messages_read: int
    messages_replied: int
    messages_completed: int
    messages_failed: int
    messages_skipped: int
    duplicates: int = Field(description="Named twice; each was taken once.")
    progress_percentage: float
    average_response_time: float | None = Field(description="Seconds from sending to the reply, on average.")
    average_processing_time: float | None = Field(description="Seconds from due to handed to the vendor, on average.")
    messages_per_minute: float | None
    started_at: datetime | None
    completed_at: datetime | None
    paused_at: datetime | None
    pause_reason: str | None
    resumes_at: datetime | None
    cancelled_at: datetime | None
    error_message: str | None
    errors: list[Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Execution, automation_uuid: str, figures: Figures) -> "ExecutionOut":
        """The row as it is shown."""
        same = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        counted = figures.counted
        shown = {f"messages_{name}": counted[name] for name in COUNTED_MESSAGES}
        return cls(
            **same
            | shown
            | {
                "id": row.uuid,
                "automation_id": automation_uuid,
                "triggered_by_user_id": row.triggered_by,
                "planning": row.plan_state == "planning" and row.status == ExecutionStatus.QUEUED,
                "test_mode": row.is_test,
                "total_recipients": counted["total"],
                "duplicates": (row.plan_cursor or {}).get("duplicates", 0),
                "progress_percentage": figures.progress,
                "average_response_time": figures.response_seconds,
                "average_processing_time": figures.processing_seconds,
                "messages_per_minute": figures.per_minute(row),
            }
        )


COUNTED_MESSAGES = ("sent", "delivered", "read", "replied", "completed", "failed", "skipped")


class RecipientOut(BaseModel):
    """One person of an execution. `reason` says why they were skipped."""

    id: str
    execution_id: str
    contact_id: int | None
    phone_number: str | None
    variables: dict[str, Any]
    variant: str | None = Field(description="Which of two texts they get, `a` or `b`; null where there is one.")
    status: RecipientStatus
    reason: str | None
    due_at: datetime | None = Field(description="When it is to be sent, by what is known now.")
    attempts: int
    last_attempt_at: datetime | None
    flow_completed: bool
    flow_current_node: str | None
    flow_outcome: str | None
    conversation_id: int | None = Field(description="The enrolment in the flow.")
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    replied_at: datetime | None
    completed_at: datetime | None
    error_code: str | None
    error_message: str | None
    source_line: int | None = Field(description="The line of the uploaded list.")

    @classmethod
    def of(cls, row: Recipient, execution_uuid: str) -> "RecipientOut":
        """The row as it is shown."""
        same = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls(**same | {"id": ids.recipient(row.id), "execution_id": execution_uuid, "conversation_id": row.enrolment_id})


class StatsOut(BaseModel):
    """The sums over all executions. Rates are percentages, null where their base is 0."""

    automation_id: str
    total_executions: int
    total_recipients: int
    total_sent: int
    total_delivered: int
    total_read: int
    total_replied: int
    total_completed: int
    total_failed: int
    total_skipped: int
    delivery_rate: float | None
    read_rate: float | None
    reply_rate: float | None
    completion_rate: float | None
    average_response_time: float | None = Field(description="Seconds from sending to the reply, on average.")
    average_processing_time: float | None = Field(description="Seconds from due to handed to the vendor, on average.")
    variants: list[ComparedOut] = Field(description="The texts A and B compared; empty where there is one text.")
    last_execution_id: str | None
    last_execution_status: ExecutionStatus | None
    last_executed_at: datetime | None
    next_scheduled_at: datetime | None
