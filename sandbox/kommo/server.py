"""Kommo as a vendor of the sandbox: contacts, leads, notes; the pipeline and the fields are as `seed` says."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.items import Person
from sandbox.jsonapi import bearer, body_of
from sandbox.kommo import seed
from sandbox.kommo.api import Api, problem
from sandbox.kommo.records import Records, Row
from sandbox.limits import Bucket
from sandbox.shelf import Shelved
from sandbox.vendor import Answer, Call, Card, Column, UnknownActionError

PER_SECOND = 7.0
CARDS_PER_COLUMN = 12
NOTES_SHOWN = 4
MOST_PEOPLE = 2_000


class Kommo(Shelved):
    """One account with one user, one token, one pipeline.

    Duplicate control (`POST /_sandbox/kommo/duplicates`) is off at first: then every lead that is created is a new one.
    """

    name = "kommo"
    title = "Kommo"
    prefixes = ("/kommo",)
    connection: Mapping[str, str] = {
        "KOMMO_BASE_URL": "/kommo",
        "KOMMO_ACCESS_TOKEN": seed.TOKEN,
        "KOMMO_PIPELINE_ID": str(seed.PIPELINE),
        "KOMMO_STATUS_ID_INICIAL": str(seed.INICIAL),
        "KOMMO_STATUS_ID_AGENDADO": str(seed.AGENDADO),
        "KOMMO_FIELD_ID_EMPRESA": str(seed.FIELD_EMPRESA),
        "KOMMO_FIELD_ID_SERVICIO": str(seed.FIELD_SERVICIO),
        "KOMMO_FIELD_ID_FUENTE": str(seed.FIELD_FUENTE),
    }
    board_title = "Leads by status"
    routes = ("/api/v4/{rest:.*}",)
    kinds = ("contacts", "leads", "notes")
    modes: Mapping[str, str] = {
        "barred": "Answers 403 to everything, as Kommo does to an address that keeps exceeding the limit.",
        "unpaid": "Answers 402, as for an account that has not been paid.",
        "expired": "Answers 401, as when the token was revoked.",
    }
    actions: Mapping[str, str] = {
        "move": "Puts a lead (`id`) into a status (`status_id`), as somebody in Kommo does.",
        "duplicates": "Switches duplicate control on or off (`on`).",
        "limit": "Takes so many requests a second (`per_second`; 0 for any number).",
    }

    def __init__(self) -> None:
        super().__init__()
        self.own = Records(self.shelf, self._time)
        self.api = Api(self.own, self.prefixes[0])
        self.bucket = Bucket(PER_SECOND, PER_SECOND)

    def _time(self) -> datetime:
        return self.now()

    def answer(self, call: Call) -> Answer:
        """Serve one request."""
        if bearer(call) != seed.TOKEN:
            return problem(401, "Unable to authorize the user")
        wait = self.bucket.take()
        if wait:
            return problem(429, "The limit of requests per second is exceeded", retry_after=math.ceil(wait))
        return self.api.answer(call)

    def fail(self, mode: str, call: Call) -> Answer:
        """One of the own faults."""
        del call
        status, detail = {"barred": (403, "The address is blocked"), "unpaid": (402, "The account is not paid")}.get(
            mode, (401, "The token has expired")
        )
        return problem(status, detail)

    def what(self, call: Call) -> str:
        """Such as `POST leads/complex (2)`."""
        text = f"{call.method} {call.path.removeprefix('/api/v4/')}"
        try:
            body = body_of(call)
        except ValueError:
            return text
        return f"{text} ({len(body)})" if isinstance(body, list) and len(body) > 1 else text

    def reset(self, options: Mapping[str, bool]) -> None:
        """Forget all records; duplicate control and the limit are as at first."""
        super().reset(options)
        self.bucket.set(PER_SECOND)
        self.api.merges_duplicates = False

    def restore(self, saved: Any) -> None:
        """Continue with them."""
        super().restore(saved)
        self.own.count_on()

    def act(self, action: str, given: Mapping[str, Any]) -> Any:
        """One of `actions`."""
        if action == "duplicates":
            self.api.merges_duplicates = bool(given.get("on", True))
            return {"on": self.api.merges_duplicates}
        if action == "limit":
            self.bucket.set(float(given["per_second"]) if "per_second" in given else PER_SECOND)
            return {"per_second": self.bucket.per_second}
        if action != "move":
            return super().act(action, given)
        lead, status = self.own.find("leads", given.get("id")), given.get("status_id", seed.AGENDADO)
        if lead is None:
            raise UnknownActionError(f"there is no lead {given.get('id')}")
        if status not in seed.STATUSES:
            raise ValueError(f"status_id must be one of {', '.join(map(str, seed.STATUSES))}")
        self.own.change("leads", lead, {"status_id": status})
        return lead

    def board(self) -> Sequence[Column]:
        """Leads by status, the newest on top."""
        here: dict[int, list[Row]] = {number: [] for number in seed.STATUSES}
        for lead in reversed(self.own.rows("leads")):
            here[lead["status_id"]].append(lead)
        return [self._column(number, title, here[number]) for number, title in seed.STATUSES.items()]

    def people(self) -> Iterable[Person]:
        """The contacts that came last, by their numbers and mail addresses."""
        for contact in self.own.rows("contacts")[: -MOST_PEOPLE - 1 : -1]:
            named = (field for field in contact["custom_fields_values"] or [] if field["field_code"] in ("PHONE", "EMAIL"))
            addresses = tuple(str(value["value"]).strip().lower() for field in named for value in field["values"])
            if addresses:
                yield Person(name=contact["name"], addresses=addresses)

    def counters(self) -> Mapping[str, int]:
        """How many of each."""
        return {
            "Leads": len(self.own.rows("leads")),
            "Contacts": len(self.own.rows("contacts")),
            "Notes": len(self.own.rows("notes")),
        }

    def _column(self, number: int, title: str, leads: Sequence[Row]) -> Column:
        return Column(id=number, title=title, total=len(leads), cards=tuple(map(self._card, leads[:CARDS_PER_COLUMN])))

    def _card(self, lead: Row) -> Card:
        people = [contact["name"] for number in lead["contacts"] if (contact := self.own.find("contacts", number))]
        values = [f"{field['field_name']}: {field['values'][0]['value']}" for field in lead["custom_fields_values"] or []]
        notes = [str(note["params"].get("text", note["note_type"])) for note in self.own.notes("leads", lead["id"])]
        lines = [", ".join(people), *values, *(f"“{text}”" for text in notes[-NOTES_SHOWN:])]
        return Card(id=lead["id"], title=lead["name"], lines=tuple(line for line in lines if line))
