"""What the lists of broadcasts take."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.broadcasts.states import AutomationStatus, ExecutionStatus, RecipientStatus


class SkipQuery(BaseModel):
    """What every list of broadcasts takes."""

    model_config = ConfigDict(extra="forbid")

    skip: int = Field(default=0, ge=0, le=10_000_000, description="Rows to leave out at the beginning.")
    limit: int = Field(default=100, ge=1, le=500)


class AutomationQuery(SkipQuery):
    """Filters of the list of automations."""

    status: AutomationStatus | None = None
    is_active: bool | None = None


class ExecutionQuery(SkipQuery):
    """Filters of the list of executions."""

    status: ExecutionStatus | None = None


class RecipientQuery(SkipQuery):
    """Filters of the list of recipients. `after` is quicker than `skip` where there are many: the id of the last one seen."""

    status: RecipientStatus | None = None
    after: UUID | None = None
