"""Leads: somebody asks for a service through the form of a website, and is followed up until they book."""

from types import MappingProxyType

from shared.flow import Flow, IdentityKind

FLOW = Flow(
    name="leads",
    title="Leads of the website's form",
    about="Somebody asks for a service through the form of a website. The lead is kept, brought to Kommo with a note for every "
    "action, and followed up by mail, call and WhatsApp until they book a meeting.",
    functions=("functions.leads.triggers:bp",),
    queues=("lead-queue",),
    routers=("functions.leads.api:router",),
    tables=("functions.leads.tables",),
    privacy="functions.leads.privacy:PERSONAL_DATA",
    kept=MappingProxyType(
        {
            "leads": "the record itself; erasing a person removes it",
            "lead_actions": "what a replaced system has left behind; nothing is added",
        }
    ),
    syncs=("functions.leads.kommo_sync:LEADS",),
    effects=("functions.leads.notes:NOTE",),
    logs=MappingProxyType({"actions-log": "functions.leads.actions_log:lines"}),
    targets=MappingProxyType({"kommo": "functions.leads.kommo_sync:policy"}),
    events=("lead.log", "lead.stored"),
    listeners=MappingProxyType(
        {
            "message.outcome": "functions.leads.listeners:note_outcome",
            "message.variables": "functions.leads.listeners:fill_links",
            "person.message": "functions.leads.listeners:note_person_message",
            "talk.assigned": "functions.leads.listeners:note_assignment",
        }
    ),
    clients=("functions.leads.kommo:KOMMO", "functions.leads.captcha:CAPTCHA"),
    has_pages=True,
    records=("functions.leads.console:LEADS",),
    settings="functions.leads.settings:LeadSettings",
    has_journeys=True,
    has_templates=True,
    stand_ins=("sandbox.kommo:Kommo", "sandbox.captcha:Captcha"),
    identities=(
        IdentityKind(name="lead", title="Number of a lead"),
        IdentityKind(name="kommo_lead", title="Kommo's lead"),
        IdentityKind(name="kommo_contact", title="Kommo's contact"),
    ),
    people=("functions.leads.persons:LEADS",),
    importers=("functions.leads.importer:LOG", "functions.leads.importer:KOMMO"),
)
