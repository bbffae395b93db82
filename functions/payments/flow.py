"""Payments: Stripe reports what becomes of a payment; whoever paid leaves the journeys that sell to them."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind

FLOW = Flow(
    name="payments",
    title="Payments from Stripe",
    about="Stripe reports what becomes of a payment: intents, charges, refunds, disputes, checkouts with cash vouchers and "
    "transfers, invoices. All reports of one payment are one row, whose state is the same in whatever order they come. A row "
    "in a Google Sheet follows it, OpenAI sets it against the revenue, large ones are reported in Discord and Slack.",
    functions=("functions.payments.triggers:bp",),
    requires=("leads",),  # whoever pays may be a lead, whose journeys know them by the lead's number
    handlers=MappingProxyType({"stripe.event": "functions.payments.triggers:HANDLER"}),
    by_hand="functions.payments.triggers:BY_HAND",
    secret_inputs=frozenset(("sheets_webhook_url", "slack_webhook_url", "discord_webhook_url", "jdbc_url", "jdbc_user")),
    routers=("functions.payments.api:router",),
    tables=("functions.payments.tables",),
    privacy="functions.payments.privacy:PERSONAL_DATA",
    timeline=("functions.payments.privacy:TIMELINE",),
    retention=("functions.payments.retention:RULES",),
    syncs=("functions.payments.sheet:ROWS",),
    effects=(
        "functions.payments.alerts:IN_DISCORD",
        "functions.payments.alerts:IN_SLACK",
        "functions.payments.analysis:ANALYSES",
    ),
    targets=MappingProxyType({"sheets": "shared.sheets:policy"}),
    clients=("functions.payments.sheet:SHEETS",),
    events=("payment.received",),
    has_pages=True,
    records=("functions.payments.console:PAYMENTS",),
    settings="functions.payments.settings:PaymentSettings",
    senders=("stripe",),
    stand_ins=(
        "sandbox.stripe:Stripe",
        "sandbox.sheets:Sheets",
        "sandbox.openai:OpenAI",
        "sandbox.slack:Slack",
        "sandbox.discord:Discord",
    ),
    identities=(IdentityKind(name="stripe", title="Customer of Stripe"),),
    people=("functions.payments.persons:PAYMENTS",),
)
