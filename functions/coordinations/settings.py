"""The settings of coordinations."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from shared.setting_groups import SettingsGroup, old_name
from shared.setting_types import Kept, Names, Url

Key = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 60)]


class CoordinationSettings(SettingsGroup):
    """Flowable, the robot, and how long they are waited for."""

    flowable_base_url: Url | None = Field(
        default=None,
        validation_alias=old_name("FLOWABLE_BASE_URL"),
        description="Flowable's REST API with its context path, such as `https://bpm.example.com/flowable-rest/service`.",
    )
    flowable_token: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("FLOWABLE_TOKEN"),
        description="Token for Flowable, sent as Bearer; with a colon in it (`user:password`) it is sent as Basic.",
    )
    flowable_tenant: Key = Field(default="", description="Tenant in which processes are started; the default one, if empty.")
    coordinations_process: Key = Field(
        default="businessApproval", description="Key of the process definition that is started, where a request names none."
    )
    coordinations_bot: Key = Field(default="process-order", description="The robot that is run, where a request names none.")
    coordinations_task: Key = Field(
        default="", description="Key (`taskDefinitionKey`) of the user task that the robot's result completes."
    )
    coordinations_message: Key = Field(
        default="", description="Name of the message event for the robot's result, where it completes no task."
    )
    coordinations_failed_message: Key = Field(
        default="", description="Name of the message event for a failure; else that of COORDINATIONS_MESSAGE takes both."
    )
    coordinations_on_failure: Literal["report", "cancel"] = Field(
        default="report",
        description="What becomes of the process where the robot fails: its task or message says so, or it is cancelled.",
    )
    coordinations_undo_bot: Key = Field(
        default="", description="A robot that is run to undo, where a process is cancelled after its robot was started."
    )
    coordinations_approval: bool = Field(
        default=False, description="Every robot waits for a second person's approval; else only where a request says so."
    )
    coordinations_approvers: Names = Field(
        default=(), description="Names in APPROVERS who alone approve robots; without any everybody but who asked."
    )
    coordinations_approval_minutes: Minutes = Field(
        default=2880, description="Minutes after which nobody can approve any more, and the process is cancelled."
    )
    coordinations_wait_minutes: Minutes = Field(
        default=60, description="Minutes after which a robot that has not answered is reported to the operators."
    )
    coordinations_give_up_minutes: Minutes = Field(
        default=240, description="Minutes, counted from that report, after which its answer counts as a failure."
    )
    coordinations_robot_by: Literal["webhook", "queue"] = Field(
        default="webhook",
        description="`webhook`: OPENRPA_WEBHOOK_URL starts the robot. `queue`: OPENFLOW_PUSH_URL makes a work item for it.",
    )
    openrpa_webhook_url: SecretStr | None = Field(
        default=None,
        validation_alias=old_name("OPENRPA_WEBHOOK_URL"),
        description="Address that starts a robot: it is given `{bot, context}`.",
    )
    openrpa_token: SecretStr | None = Field(
        default=None, description="Word by which the addresses of robots know us, in the header `X-Puente-Token`."
    )
    openrpa_ignores_repeats: bool = Field(
        default=False,
        description="true: what stands at that address runs a robot once for a `coordinationId`, so that after a lost answer "
        "it is asked again; else a person decides.",
    )
    openflow_push_url: SecretStr | None = Field(
        default=None, description="Address of the http-in flow in OpenFlow that makes a work item of what it is given."
    )
    openflow_queue: Key = Field(default="puente", description="OpenFlow's work item queue.")
    openflow_base_url: Url | None = Field(
        default=None, description="OpenFlow itself; with OPENFLOW_TOKEN it is asked whether a work item is there."
    )
    openflow_token: SecretStr | None = Field(default=None, description="OpenFlow's token (JWT).")
    retention_coordination_days: Kept = Field(
        default=365, description="Days after which a coordination that has ended is removed; 0 keeps it for ever."
    )

    def faults(self) -> list[str]:
        """A task and a message at once: the result would be reported twice."""
        if self.coordinations_task and self.coordinations_message:
            return ["COORDINATIONS_TASK and COORDINATIONS_MESSAGE: give one of the two"]
        return []

    def reports(self, status: str) -> bool:
        """Whether the process gets a robot's result of that status: it has a task or a message for it."""
        names = [self.coordinations_task, self.coordinations_message]
        if status == "completed":
            return any(names)
        return self.coordinations_on_failure == "report" and any((*names, self.coordinations_failed_message))
