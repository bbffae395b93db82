"""Tickets: photos and PDFs of expenses become rows and documents of accounting."""

from types import MappingProxyType

from shared.flow import Flow, Job, Rhythm

FLOW = Flow(
    name="tickets",
    title="Tickets of expenses by WhatsApp",
    about="A photo or PDF of a ticket is read by OpenAI or Azure Document Intelligence. What its own sums prove is believed, "
    "what is doubtful is asked of whoever sent it. Then it has a row in a Google Sheet, an accounting document, and a notice "
    "for the team.",
    functions=("functions.tickets.triggers:bp",),
    requires=("system",),  # whose clients, those of OpenAI, Discord and Slack, carry out its effects
    handlers=MappingProxyType({"tickets.message": "functions.tickets.triggers:HANDLER"}),
    by_hand="functions.tickets.triggers:BY_HAND",
    secret_inputs=frozenset(("sheets_webhook_url", "docs_webhook_url", "files_webhook_url", "slack_webhook_url")),
    routers=("functions.tickets.api:router",),
    tables=("functions.tickets.tables",),
    privacy="functions.tickets.privacy:PERSONAL_DATA",
    timeline=("functions.tickets.privacy:TIMELINE",),
    retention=("functions.tickets.retention:RULES",),
    syncs=("functions.tickets.sheet:ROWS",),
    effects=(
        "functions.tickets.effects:FETCH",
        "functions.tickets.effects:VISION",
        "functions.tickets.effects:BEGIN",
        "functions.tickets.effects:RESULT",
        "functions.tickets.effects:FORGET",
        "functions.tickets.effects:DOCUMENTS",
        "functions.tickets.effects:IN_DISCORD",
        "functions.tickets.effects:IN_SLACK",
    ),
    targets=MappingProxyType(
        {
            "ticket-media": "functions.tickets.media:policy",
            "documentintelligence": "functions.tickets.azure:policy",
            "ticket-docs": "functions.tickets.effects:docs_policy",
            "ticket-sheet": "shared.sheets:policy",
        }
    ),
    clients=(
        "functions.tickets.media:MEDIA",
        "functions.tickets.azure:AZURE",
        "functions.tickets.document:DOCS",
        "functions.tickets.sheet:SHEET",
    ),
    listeners=MappingProxyType(
        {
            "message.received": "functions.tickets.listeners:take_in",
            "talk.ended": "functions.tickets.listeners:question_ended",
        }
    ),
    answer_readers=MappingProxyType({"ticket": "functions.tickets.talking:read_reply"}),
    has_pages=True,
    records=("functions.tickets.console:TICKETS",),
    waiting=("functions.tickets.console:waiting",),
    settings="functions.tickets.settings:TicketSettings",
    has_templates=True,
    senders=("tickets",),
    kept_keys=frozenset(("tickets.message",)),  # neither Twilio nor Meta signs a time
    stand_ins=(
        "sandbox.twilio:Twilio",
        "sandbox.openai:OpenAI",
        "sandbox.documentintelligence:DocumentIntelligence",
        "sandbox.sheets:TicketSheet",
        "sandbox.docs:Docs",
        "sandbox.slack:Slack",
        "sandbox.discord:Discord",
    ),
    jobs=(
        Job(name="give-up-waiting", rhythm=Rhythm.FIVE_MINUTES, run="functions.tickets.services:give_up_waiting"),
        Job(name="delete-files", rhythm=Rhythm.NIGHT, run="functions.tickets.retention:delete_files"),
    ),
)
