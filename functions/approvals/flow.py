"""Approvals: whoever was asked decides on a small page behind their link, or by the API."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

FLOW = Flow(
    name="approvals",
    title="Approvals by a second person",
    about="What is too large, or too delicate, for one person alone waits here until somebody else approves or rejects it: by "
    "the API, or on the page behind the link that they get by mail. Whoever was asked is reminded, may hand it to somebody "
    "else, and after a time nobody can decide any more.",
    functions=("functions.approvals.triggers:bp",),
    optional=False,
    routers=("shared.web.approvals:router",),
    tables=("shared.store.approval_models",),
    impersonal_tables=frozenset(("approval_invitations",)),  # names of API keys, as in the action log
    privacy="shared.approvals.personal_data:PERSONAL_DATA",
    timeline=("shared.approvals.personal_data:TIMELINE",),
    retention=("shared.approvals.personal_data:RULES",),
    events=("approval.decided",),
    listeners=MappingProxyType(
        {
            "message.sending": "shared.approvals.listeners:may_send",
            "message.last_look": "shared.approvals.listeners:look_again",
            "message.variables": "functions.approvals.listeners:fill",
        }
    ),
    settings="shared.setting_approvals:ApprovalSettings",
    has_templates=True,
    jobs=(
        Job(name="expire-approvals", rhythm=Rhythm.MINUTE, run="shared.approvals.decisions:expire"),
        Job(name="remind-of-approvals", rhythm=Rhythm.FIVE_MINUTES, run="shared.approvals.decisions:remind"),
    ),
)
