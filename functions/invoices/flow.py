"""Invoices: what is open is reminded of, stage by stage, until it is paid."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind, Job, Rhythm

FLOW = Flow(
    name="invoices",
    title="Invoices and reminders",
    about="Invoices come over the API, from CSV files, over a webhook and from Odoo. Customers are reminded of what is still "
    "open, once for each stage before and after the due date, until it is paid; pauses and promises to pay hold that back.",
    functions=("functions.invoices.triggers:bp",),
    requires=("system",),  # whose clients, those of Discord and Slack, carry out its effects
    handlers=MappingProxyType(
        {
            "invoices.report": "functions.invoices.triggers:HANDLER",
            "invoices.look": "functions.invoices.triggers:LOOK_HANDLER",
        }
    ),
    by_hand="functions.invoices.triggers:BY_HAND",
    secret_inputs=frozenset(
        (
            *("email_webhook_url", "slack_webhook_url", "whatsapp_webhook_url", "export_webhook_url"),
            *("webhook_notifications_url", "jdbc_url", "jdbc_user"),
        )
    ),
    routers=("functions.invoices.api_reports:router", "functions.invoices.api:router"),
    tables=("functions.invoices.tables",),
    impersonal_tables=frozenset(("invoice_days", "invoice_payments", "invoice_reminders")),
    privacy="functions.invoices.privacy:PERSONAL_DATA",
    timeline=("functions.invoices.privacy:INVOICES_SOURCE", "functions.invoices.privacy:REMINDERS"),
    retention=("functions.invoices.retention:RULES",),
    effects=("functions.invoices.days:IN_DISCORD", "functions.invoices.days:IN_SLACK"),
    stand_ins=("sandbox.slack:Slack", "sandbox.discord:Discord", "sandbox.odoo:Odoo"),
    listeners=MappingProxyType(
        {
            "payment.received": "functions.invoices.listeners:settle",
            "message.sending": "functions.invoices.listeners:may_send",
            "message.last_look": "functions.invoices.listeners:look_again",
            "message.variables": "functions.invoices.listeners:fill",
            "message.outcome": "functions.invoices.listeners:record_outcome",
        }
    ),
    optional_events=frozenset(("payment.received",)),
    has_pages=True,
    records=("functions.invoices.console:INVOICES",),
    settings="functions.invoices.settings:InvoiceSettings",
    senders=("invoices",),
    identities=(IdentityKind(name="invoice-customer", title="Customer's number at whoever issues the invoices"),),
    people=("functions.invoices.persons:INVOICES",),
    has_templates=True,
    jobs=(
        Job(name="look-at-odoo", rhythm=Rhythm.FIVE_MINUTES, run="functions.invoices.odoo:look"),
        Job(name="remind", rhythm=Rhythm.FIVE_MINUTES, run="functions.invoices.look:remind"),
    ),
)
