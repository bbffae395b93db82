"""The day's look at all open invoices."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from functions.invoices.tables import Invoice


def ask(session: Session) -> None:
    """Have every open invoice judged anew, also those that were judged today. What was sent is not sent again."""
    session.execute(update(Invoice).where(Invoice.status == "open", Invoice.looked_on.is_not(None)).values(looked_on=None))
