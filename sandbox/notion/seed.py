"""The workspace as it starts: three databases, shared with the integration. The ids are fixed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

TOKEN = "sandbox-notion-token"  # noqa: S105  # it opens the sandbox only
USER = "5a0d0b0c-0000-4000-8000-00000000000b"

CONTACTS = "5a0d0b0c-0000-4000-8000-000000000001"
TEMPLATES = "5a0d0b0c-0000-4000-8000-000000000002"
TRACKER = "5a0d0b0c-0000-4000-8000-000000000003"

CONTACTS_SOURCE = "5a0d0b0c-0000-4000-8000-000000000011"
TEMPLATES_SOURCE = "5a0d0b0c-0000-4000-8000-000000000012"
TRACKER_SOURCE = "5a0d0b0c-0000-4000-8000-000000000013"

SINCE = "2025-11-01T09:00:00.000Z"


class Column(NamedTuple):
    """A property of a database: its type, and the choices that it has from the start."""

    type: str
    options: tuple[str, ...] = ()


class Database(NamedTuple):
    """A database with one data source."""

    id: str
    source: str
    title: str
    columns: Mapping[str, Column]
    rows: tuple[Mapping[str, Any], ...] = ()


TEXT, EMAIL, NUMBER, DATE, CHECK = (Column(kind) for kind in ("rich_text", "email", "number", "date", "checkbox"))
_SEGMENTS = ("CRITICAL", "URGENT", "OPTIMIZE")
_MOST_EMAILS = 7

_CONTACTS = {
    "first_name": Column("title"),
    "email": EMAIL,
    "last_name": TEXT,
    "business_name": TEXT,
    "Phone": Column("phone_number"),
    "Christmas Campaign Status": Column("select", ("Signed Up", "Nurture Sequence", "Pre-Call Prep")),
    "Assessment Score": NUMBER,
    "Segment": Column("select", _SEGMENTS),
    "Phase": Column("select", ("Phase 1 Assessment", "Phase 1 Diagnostic")),
    "Booking Status": Column("select", ("Not Booked", "Booked", "Completed", "No-Show")),
    "Diagnostic Call Date": DATE,
    "Unsubscribed": CHECK,
}
_TEMPLATES = {
    "Template Name": Column("title"),
    "Subject Line": TEXT,
    "Email Body HTML": TEXT,
    "Email Number": NUMBER,
    "Status": Column("select", ("Active", "Inactive")),
    "Template Type": Column("select", ("Christmas 5-Day", "No-Show Recovery", "Post-Call Follow-Up", "Onboarding")),
    "Segment": Column("multi_select", _SEGMENTS),
}
_TRACKER: dict[str, Column] = {
    "Name": Column("title"),
    "Puente ID": TEXT,
    "Email": EMAIL,
    "First Name": TEXT,
    "Business Name": TEXT,
    "Campaign": Column("select", ("Christmas 2025",)),
    "Sequence Type": Column("select", ("5day", "noshow", "postcall", "onboarding")),
    "Template Type": Column("select", ("No-Show Recovery", "Post-Call Follow-Up", "Onboarding")),
    "Segment": Column("select", _SEGMENTS),
    "Assessment Score": NUMBER,
    **dict.fromkeys(("Red Systems", "Orange Systems", "Yellow Systems", "Green Systems"), NUMBER),
    **dict.fromkeys(("Started At", "Signup Date", "Sequence Created", "Last Email Sent At"), DATE),
    **dict.fromkeys(("Assessment Completed", "Sequence Completed"), CHECK),
    "Last Email Sent": TEXT,
    "Calendly Event URI": Column("url"),
    "Scheduled Time": DATE,
    "Event Type": TEXT,
    "Call Date": DATE,
    "Call Outcome": Column("select", ("Maybe",)),
    "Call Notes": TEXT,
    "Objections": Column("multi_select"),
    "Follow-Up Priority": Column("select", ("Low", "Medium", "High")),
    "Payment Amount": NUMBER,
    "Payment Date": DATE,
    "Package Type": TEXT,
    "Salon Address": TEXT,
    "Observation Dates": TEXT,
    "Start Date": DATE,
}
for _number in range(1, _MOST_EMAILS + 1):
    _TRACKER[f"Email {_number} Sent"] = DATE
    _TRACKER[f"Email {_number} Status"] = Column("select", ("sent", "failed"))
    _TRACKER[f"Email {_number} Sent By"] = Column("select", ("website", "kestra"))
    _TRACKER[f"Email {_number} Resend ID"] = TEXT


def _template(name: str, number: int, subject: str, body: str, kind: str) -> dict[str, Any]:
    row: dict[str, Any] = {"Template Name": name, "Subject Line": subject, "Email Body HTML": body, "Email Number": number}
    return row | {"Status": "Active", "Template Type": kind, "Segment": []}


_ROWS = (
    _template(
        "5-Day E2",
        2,
        "{{first_name}}, lo que cuesta no arreglar {{weakest_system}}",
        "<p>Hola, {{first_name}}:</p><p>Cuando {{weakest_system}} falla, {{business_name}} lo paga todos los meses. "
        "Estos son los tres pasos con los que empezamos.</p><p>Un saludo</p>",
        "Christmas 5-Day",
    ),
    _template(
        "noshow_recovery_email_1",
        1,
        "{{first_name}}, te esperábamos hoy",
        "<p>Hola, {{first_name}}:</p><p>Hoy no pudimos hablar. Pasa. "
        '<a href="{{calendly_link}}">Elige aquí otra hora</a> y lo retomamos.</p>',
        "No-Show Recovery",
    ),
    # As it was found once: a page that somebody made and nobody wrote. What is sent then is the text of the repository.
    _template("5-Day E3", 3, "", "", "Christmas 5-Day"),
    _template("5-Day E4", 4, "Texto antiguo", "<p>Este texto ya no se envía.</p>", "Christmas 5-Day") | {"Status": "Inactive"},
)

DATABASES = (
    Database(CONTACTS, CONTACTS_SOURCE, "Contactos", _CONTACTS),
    Database(TEMPLATES, TEMPLATES_SOURCE, "Plantillas de correo", _TEMPLATES, _ROWS),
    Database(TRACKER, TRACKER_SOURCE, "Secuencias de correo", _TRACKER),
)
