"""Onboarding: a signed contract makes accounts, notices, tasks, an event and follow-ups, each with a real result."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

OLD_ID, CANCEL_ID = "employee_onboarding", "employee_onboarding_cancel"
"""The ids by which contracts and cancellations are reported by hand; the first is that of the replaced flow."""

FLOW = Flow(
    name="onboarding",
    title="Onboarding of employees",
    about="The HR system reports a signed contract. What it leaves out is looked up there; accounts are prepared at Okta or "
    "Microsoft Entra and in Google Workspace and opened on the first day; IT is told in Slack and Teams; the employee gets a "
    "welcome mail with the manual, the manager tasks, both an event, and the manager is written to on days 1, 3, 7 and 30. "
    "Each step has a result of its own; a new first day moves what is left, a cancelled contract takes back what can be.",
    functions=("functions.onboarding.triggers:bp",),
    requires=("system",),  # whose clients, those of Slack and Teams, carry out its notices
    by_hand="functions.onboarding.triggers:BY_HAND",
    secret_inputs=frozenset(
        (
            *("slack_webhook_url", "teams_webhook_url", "slack_notifications_webhook_url", "email_api_url", "idp_api_url"),
            *("workspace_api_url", "hris_api_url", "db_jdbc_url", "db_user", "prometheus_pushgateway_url"),
        )
    ),
    routers=("functions.onboarding.contracts_api:router", "functions.onboarding.api:router"),
    tables=("functions.onboarding.tables",),
    impersonal_tables=frozenset(("onboarding_manuals",)),
    privacy="functions.onboarding.privacy:PERSONAL_DATA",
    timeline=("functions.onboarding.privacy:TIMELINE",),
    retention=("functions.onboarding.retention:RULES",),
    kept=MappingProxyType(
        {
            "onboarding_manuals": "added by a person, a few in a year",
        }
    ),
    syncs=(
        "functions.onboarding.effects:HRIS",
        "functions.onboarding.effects:OKTA",
        "functions.onboarding.effects:ENTRA",
        "functions.onboarding.effects:WORKSPACE",
        "functions.onboarding.effects:CALENDAR",
        "functions.onboarding.effects:CALLBACK",
    ),
    effects=(
        "functions.onboarding.effects:IN_SLACK",
        "functions.onboarding.effects:IN_TEAMS",
        "functions.onboarding.advancing:ADVANCE",
    ),
    targets=MappingProxyType(
        {
            "onboarding": "functions.onboarding.steps:policy",
            "hris": "functions.onboarding.hris:policy",
            "okta": "functions.onboarding.okta:policy",
            "entra": "functions.onboarding.entra:policy",
            "workspace": "functions.onboarding.workspace:policy",
            "onboarding-calendar": "functions.onboarding.calendar:policy",
            "onboarding-callback": "functions.onboarding.callback:policy",
        }
    ),
    clients=(
        "functions.onboarding.hris:HRIS",
        "functions.onboarding.okta:OKTA",
        "functions.onboarding.entra:ENTRA",
        "functions.onboarding.workspace:WORKSPACE",
        "functions.onboarding.calendar:IN_GOOGLE",
        "functions.onboarding.calendar:IN_OUTLOOK",
        "functions.onboarding.callback:CALLBACK",
    ),
    listeners=MappingProxyType(
        {
            "message.last_look": "functions.onboarding.listeners:look_again",
            "message.variables": "functions.onboarding.listeners:fill",
            "message.attachments": "functions.onboarding.listeners:attach",
            "message.outcome": "functions.onboarding.listeners:record_outcome",
        }
    ),
    has_pages=True,
    records=("functions.onboarding.console:ONBOARDINGS", "functions.onboarding.console:STEPS"),
    settings="functions.onboarding.settings:OnboardingSettings",
    has_journeys=True,
    has_templates=True,
    senders=("onboarding",),
    stand_ins=(
        "sandbox.okta:Okta",
        "sandbox.microsoft:Microsoft",
        "sandbox.google:Google",
        "sandbox.hris:Hris",
        "sandbox.teams:Teams",
        "sandbox.slack:Slack",
    ),
    jobs=(Job(name="onboarding-look", rhythm=Rhythm.FIVE_MINUTES, run="functions.onboarding.services:look"),),
)
