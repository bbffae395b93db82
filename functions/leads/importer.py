"""The importers of leads: the log of the replaced automation (`actions_log.json`), and the leads and notes that Kommo has."""

from typing import Any

from sqlalchemy.orm import Session

from functions.leads import old_kommo, old_log, taking_in
from functions.leads.kommo import Kommo
from functions.leads.old_kommo import KommoAccount, KommoRow, NoteRow
from functions.leads.old_log import OldAction, OldForms, OldLog
from functions.leads.settings import LeadSettings
from functions.leads.taking_in import OldLead
from shared.importer.frame import Change, Importer, Options, Run
from shared.intake.envelope import fingerprint
from shared.settings import settings_of

LATE = "send-late"


class LogRun(Run):
    """One import of the log. What was sent is read before the forms, so that nobody enters the follow-up without it."""

    def __init__(self, options: Options) -> None:
        self._sends_late = LATE in options.flags

    def apply(self, session: Session, row: OldAction) -> Change:
        """Keep an entry, once; a form becomes its lead, anything else counts on the lead that is known."""
        facts = old_log.data_of(row)
        name = f"log:{row.lead_id}:{row.timestamp.isoformat()}:{row.channel}:{fingerprint(facts)}"
        is_new = taking_in.record(session, row.lead_id, row.timestamp, row.channel, facts, name)
        if isinstance(row, OldForms):
            changed = taking_in.take(session, _of_form(row), sends_late=self._sends_late)
            return Change.CHANGED if is_new and changed is Change.UNCHANGED else changed
        lead = taking_in.of_kommo(session, row.lead_id) if is_new else None
        if lead is not None and row.action == old_log.BOOKED:
            taking_in.note_booking(session, lead)
        elif lead is not None:
            taking_in.note_what_was_sent(session, lead)
        return Change.NEW if is_new else Change.UNCHANGED

    def name_of(self, row: OldAction) -> str:
        """Kommo's number of the lead."""
        return str(row.lead_id)


class KommoRun(Run):
    """One import of Kommo's leads and notes."""

    def __init__(self, options: Options) -> None:
        self._sends_late = LATE in options.flags

    def apply(self, session: Session, row: KommoRow | NoteRow) -> Change:
        """Take a lead over, or keep a note, once."""
        if isinstance(row, KommoRow):
            return taking_in.take(session, _of_kommo(row), sends_late=self._sends_late)
        data = {"action": "note", "note_type": row.note_type, "text": row.text}
        known = {name: value for name, value in data.items() if value is not None}
        is_new = taking_in.record(session, row.lead_id, row.created_at, "kommo", known, f"kommo-note:{row.id}")
        return Change.NEW if is_new else Change.UNCHANGED

    def name_of(self, row: Any) -> str:
        """Kommo's number of the lead or note."""
        return str(row.id)


def _of_form(row: OldForms) -> OldLead:
    form = row.payload
    return OldLead(
        number=row.lead_id,
        at=row.timestamp,
        name=form.nombre,
        email=form.email,
        service=form.servicio,
        phone=form.telefono,
        company=form.empresa,
        source=form.fuente,
        is_form=True,
    )


def _of_kommo(row: KommoRow) -> OldLead:
    return OldLead(
        number=row.id,
        at=row.created_at,
        name=row.name,
        email=row.email,
        service=row.service,
        phone=row.phone,
        company=row.company,
        source=row.source,
        is_form=False,
        contact_id=row.contact_id,
        stage_id=row.status_id,
    )


_LATE = {LATE: "messages whose time has gone and that nobody has sent go out now; else they are left out"}
LOG = Importer(
    name="leads-log",
    about="The log of the replaced lead automation: its forms, and what was sent to whom.",
    source="the file actions_log.json",
    kinds={old_log.MESSAGES: OldAction, old_log.LEADS: OldForms},
    open=lambda options: OldLog(options.source),
    begin=LogRun,
    rows_at_once=50,
    flags=_LATE,
)
KOMMO = Importer(
    name="kommo",
    about="The leads and notes that Kommo has.",
    kinds={old_kommo.LEADS: KommoRow, old_kommo.NOTES: NoteRow},
    open=lambda _options: KommoAccount(Kommo.from_settings(settings_of(LeadSettings))),
    begin=KommoRun,
    rows_at_once=50,
    flags=_LATE,
)
