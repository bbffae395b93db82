"""The errors that Odoo answers, with the names, texts and HTTP statuses that both of its APIs give them."""

from collections.abc import Sequence

UNPROCESSABLE = 422


class OdooError(Exception):
    """An error as a client of Odoo sees it.

    `name` is what `/jsonrpc` gives as `error.data.name`; `status` is the HTTP status of `/json/2` (`/jsonrpc` always answers
    200). `bare` is the text that `load` shows; where it is missing `load` wraps the message. `field` is the column it names.
    """

    def __init__(
        self, name: str, message: str, *, status: int = 500, bare: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(message)
        self.name, self.message, self.status = name, message, status
        self.bare, self.field = bare, field

    @property
    def short(self) -> str:
        """The last part of the name, for people: `ValidationError`."""
        return self.name.rpartition(".")[2]


class HtmlError(Exception):
    """Odoo fails so early, or so badly, that it answers with a plain HTML page."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(title)
        self.status, self.title, self.text = status, title, text

    @property
    def page(self) -> str:
        """The page as its web server writes it."""
        return (
            f"<!doctype html>\n<html lang=en>\n<title>{self.status} {self.title}</title>\n"
            f"<h1>{self.title}</h1>\n<p>{self.text}</p>\n"
        )


def access_denied() -> OdooError:
    """Wrong user or password."""
    return OdooError("odoo.exceptions.AccessDenied", "Access Denied", status=401)


def access_error(message: str) -> OdooError:
    """The user may not do this."""
    return OdooError("odoo.exceptions.AccessError", message, status=403, bare=message)


def user_error(message: str, status: int = UNPROCESSABLE) -> OdooError:
    """A refusal that Odoo words for people."""
    return OdooError("odoo.exceptions.UserError", message, status=status, bare=message)


def missing(model: str, ids: Sequence[object], uid: int) -> OdooError:
    """A record that is not there (any more)."""
    listed = ", ".join(str(each) for each in ids) + ("," if len(ids) == 1 else "")
    text = f"Record does not exist or has been deleted.\n(Record: {model}({listed}), User: {uid})"
    return OdooError("odoo.exceptions.MissingError", text, status=404, bare=text)


def invalid(bare: str, *, field: str | None = None, prefixed: bool = True) -> OdooError:
    """A value that a constraint refuses."""
    message = f"The operation cannot be completed: {bare}" if prefixed else bare
    return OdooError("odoo.exceptions.ValidationError", message, status=UNPROCESSABLE, bare=bare, field=field)


def required(label: str, field: str, description: str, model: str) -> OdooError:
    """A mandatory field left empty."""
    return invalid(
        f"Missing required value for the field '{label}' ({field}).\nModel: '{description}' ({model})\n"
        "- create/update: a mandatory field is not set\n"
        "- delete: another model requires the record being deleted, you can archive it instead\n",
        field=field,
    )


def in_use(description: str, model: str, label: str, field: str) -> OdooError:
    """A reference to a record that does not exist. Odoo speaks of deleting, whatever was done."""
    return invalid(
        "Another model is using the record you are trying to delete.\n\n"
        f"The troublemaker is: '{description}' ({model})\n"
        f"Thanks to the following constraint: '{label}' ({field})\nHow about archiving the record instead?"
    )


def bad_value(message: str) -> OdooError:
    """Python's ValueError, passed on as it is."""
    return OdooError("builtins.ValueError", message)


def bad_type(message: str) -> OdooError:
    """Python's TypeError, passed on as it is; `/json/2` calls it unprocessable only when it concerns the parameters."""
    return OdooError("builtins.TypeError", message)


def not_a_number(value: object) -> OdooError:
    """A string where the database expects an id; the text shows a piece of the SQL, values included."""
    text = f"invalid input syntax for type integer: \"{value}\"\nLINE 1: ... '0', 0.0, {value!r}, 1, ...\n          ^\n"
    return OdooError("psycopg2.errors.InvalidTextRepresentation", text)


NUL = "A string literal cannot contain NUL (0x00) characters."
INTERNAL = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)
