"""What is reported of an invoice, and the wish for a look at all of them. Light: imports no SQL."""

from datetime import datetime
from typing import Any, Self

import azure.functions as func
from pydantic import AliasChoices, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from functions.invoices.fields import STRICT, InvoiceFields, Serie, key_of_serie
from shared.intake.webhook import Payload, Sender, by_key_in_address
from shared.settings import Settings

SENDER = "invoices"
REMINDER = "invoice_reminder"  # in the context of a message: the reminder that it is
FINANCE = "invoice_day"  # in the context of a message: the day whose list it is
SUBJECT_LENGTH = 100
NUMBERS = ("serie", "number", "folio", "invoice_number")


class InvoiceReport(InvoiceFields, Payload):
    """A report of an invoice: as much of it as the sender knows. `serie` names it."""

    model_config = ConfigDict(defer_build=True, validate_by_name=True)

    serie: Serie = Field(validation_alias=AliasChoices(*NUMBERS))

    @model_validator(mode="wrap")
    @classmethod
    def _strict(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """A wrong amount or day is refused, though it is optional: without it another sum would be asked for."""
        try:
            return handler(data)
        except ValidationError as error:
            found = [each for each in error.errors(include_url=False, include_input=False) if each["loc"][:1]]
            wrong = [f"{each['loc'][0]}: {each['msg']}" for each in found if each["loc"][0] in STRICT]
            if wrong:
                raise ValueError("; ".join(wrong).replace("Value error, ", "")) from error
            raise

    def subject(self) -> str:
        """The invoice."""
        return subject_of(key_of_serie(self.serie))

    def occurred_at(self) -> datetime | None:
        """From when the report is, where it says so."""
        return self.updated_at


class LookRequest(Payload):
    """Look at all open invoices now. Inputs of the replaced flow are settings here, and count for nothing."""

    def subject(self) -> str:
        """All of them."""
        return "invoices"

    def occurred_at(self) -> None:
        """Nobody says."""
        return


def subject_of(serie_key: str) -> str:
    """The name of an invoice as the subject of events."""
    return f"invoice:{serie_key}"[:SUBJECT_LENGTH]


def by_key(request: func.HttpRequest, raw: bytes, settings: Settings) -> Sender:
    """A key with the scope `webhook:invoices`, in the header or in the old address. Raises RefusedError."""
    return by_key_in_address(request, raw, settings, sender=SENDER)


def names_invoice(data: dict[str, Any]) -> bool:
    """Whether a body names an invoice, or anything of one; else it is the wish for a look."""
    return any(name in data for name in (*NUMBERS, *InvoiceFields.model_fields))
