"""Payments: Stripe reports what becomes of a payment; whoever paid leaves the journeys that sell to them."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind

FLOW = Flow(
    name="payments",
    title="Payments from Stripe",
    about="Stripe reports what becomes of a payment: intents, charges, refunds, disputes, checkouts with cash vouchers and "
    "transfers, invoices. All reports of one payment are one row, whose state is the same in whatever order they come.",
    functions=("functions.payments.triggers:bp",),
    requires=("leads",),  # whoever pays may be a lead, whose journeys know them by the lead's number
    handlers=MappingProxyType({"stripe.event": "functions.payments.triggers:HANDLER"}),
    routers=("functions.payments.api:router",),
    tables=("functions.payments.tables",),
    privacy="functions.payments.privacy:PERSONAL_DATA",
    timeline=("functions.payments.privacy:TIMELINE",),
    retention=("functions.payments.retention:RULES",),
    events=("payment.received",),
    settings="functions.payments.settings:PaymentSettings",
    senders=("stripe",),
    identities=(IdentityKind(name="stripe", title="Customer of Stripe"),),
    people=("functions.payments.persons:PAYMENTS",),
)
