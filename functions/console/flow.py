"""The operators' console."""

from shared.flow import Flow

FLOW = Flow(
    name="console",
    title="The operators' console",
    about="Pages at `/console` for those who run this without being programmers: what waits for a person, whom a fault "
    "touches, and how it is mended. They are made on the server; everything that they change is in the action log.",
    functions=(),
    optional=False,
    routers=(
        "shared.console.assets:router",
        "functions.console.sign_in:router",
        "functions.console.own:router",
        "functions.console.today:router",
        "functions.console.systems:router",
        "functions.console.executions:router",
        "functions.console.deliveries:router",
        "functions.console.people:router",
        "functions.console.answers:router",
        "functions.console.stopped:router",
        "functions.console.flows:router",
        "functions.console.records:router",
        "functions.console.journeys:router",
        "functions.console.approvals:router",
        "functions.console.texts:router",
        "functions.console.reports:router",
        "functions.console.settings_page:router",
    ),
    settings="shared.console.settings:ConsoleSettings",
    has_pages=True,
    console=(
        "functions.console.today:ENTRY",
        "functions.console.executions:ENTRY",
        "functions.console.systems:ENTRY",
        "functions.console.people:ENTRY",
        "functions.console.stopped:ENTRY",
        "functions.console.flows:ENTRY",
        "functions.console.records:ENTRY",
        "functions.console.journeys:ENTRY",
        "functions.console.approvals:ENTRY",
        "functions.console.texts:ENTRY",
        "functions.console.reports:ENTRY",
        "functions.console.settings_page:ENTRY",
    ),
    waiting=(
        "functions.console.matters:stopped",
        "functions.console.matters:answers",
        "functions.console.matters:uncertain",
        "functions.console.matters:failed",
        "functions.console.matters:drift",
    ),
)
