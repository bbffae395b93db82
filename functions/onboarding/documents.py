"""The employee manual: a PDF in the storage account, under a name that follows from its content, so that it never changes."""

import hashlib

from sqlalchemy.orm import Session

from functions.onboarding.tables import OnboardingManual
from shared import queues
from shared.crm import editing
from shared.errors import FieldError, RefusedError

PDF = "application/pdf"
LARGEST_BYTES = 8 * 1024 * 1024
SIGN = b"%PDF-"


def keep(name: str, raw: bytes, content_type: str, who: str) -> OnboardingManual:
    """Keep a manual; the newest goes with welcome mails. The same one again is one more row and the same file.

    Raises:
        RefusedError: 415, it is no PDF; 413, it is too large; 422, its name cannot be one.
        UnavailableError: the storage account or the database cannot be reached.
    """
    if content_type.partition(";")[0].strip().lower() != PDF or not raw.startswith(SIGN):
        raise RefusedError(415, "not-a-pdf", "The manual is a PDF, sent as application/pdf.")
    if len(raw) > LARGEST_BYTES:
        raise RefusedError(413, "too-large", f"The manual may have up to {LARGEST_BYTES:,} bytes.")
    shown = name.strip()
    if not shown.lower().endswith(".pdf") or not shown.isprintable() or set(shown) & set('/\\:*?"<>|'):
        fault = FieldError("name", "must be the name of a PDF, without a folder")
        raise RefusedError(422, "invalid-fields", "A value is not as it must be.", errors=[fault])
    blob = f"onboarding/{hashlib.sha256(raw).hexdigest()}.pdf"
    reference = queues.put_blob(blob, raw, container=queues.DOCUMENTS_CONTAINER)

    def work(session: Session) -> OnboardingManual:
        row = OnboardingManual(name=shown, reference=reference, size=len(raw), uploaded_by=who[:60])
        session.add(row)
        session.flush()
        editing.log(session, who, "onboarding-manual", f"onboarding-manual:{row.id}")
        session.refresh(row)
        session.expunge(row)
        return row

    return editing.committed(work)
