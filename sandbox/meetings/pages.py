"""The pages on which a person books, puts off and cancels, in Spanish as recipients see them."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.meetings.calendar import HOST, MEETING, TIME_ZONE, Booking, Calendar, iso
from sandbox.vendor import Answer, Call, UnknownActionError

HTML = "text/html; charset=utf-8"
# The form goes nowhere else, nothing runs, nothing is loaded from elsewhere.
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}
_DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_SPRING, _AUTUMN = ("enero", "febrero", "marzo", "abril", "mayo", "junio"), ("julio", "agosto", "septiembre")
_MONTHS = (*_SPRING, *_AUTUMN, "octubre", "noviembre", "diciembre")
_GIVEN = ("name", "email", "phone", "notes")


class Pages:
    """Answers for the pages of one calendar: `prefix`/book, and a booking's own below `shown`, `moving` and `room`."""

    def __init__(self, calendar: Calendar, brand: str, prefix: str, *, shown: str, moving: str, room: str) -> None:
        self.calendar, self.brand, self.prefix = calendar, brand, prefix
        self.shown, self.moving, self.room = shown, moving, room

    def answer(self, call: Call) -> Answer:
        """Show a page, or take a form."""
        fields = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        _, page, *rest = call.path.split("/")
        if call.method not in ("GET", "POST"):
            return Answer(status=405, content_type=HTML, outcome="method not allowed")
        if page == "book" and not rest:
            return self._book(call, fields)
        try:
            booking = self.calendar.find("/".join(rest))
        except UnknownActionError:
            return self._page("booking.html", 404, heading="No existe esa reserva", booking=_nobody(), when="", new="")
        if page == self.room:
            return self._page("room.html", booking=booking, when=_when(booking))
        return self._reschedule(call, booking, fields) if page == self.moving else self._booking(call, booking, fields)

    def _book(self, call: Call, fields: Mapping[str, str]) -> Answer:
        trouble = ""
        if call.method == "POST":
            try:
                person = {name: fields.get(name, "") for name in _GIVEN} | {"metadata": metadata_in(fields)}
                return self._see(self.calendar.book(person, self._chosen(fields)))
            except ValueError:
                trouble = "Elige una hora e indica tu nombre y un correo electrónico válido."
        query = dict(call.query)
        prefilled = {"phone": query.get("attendeePhoneNumber", ""), **query, **fields}
        given = {name: prefilled.get(name, "") for name in _GIVEN}
        metadata = metadata_in(fields if call.method == "POST" else query)
        return self._page("book.html", 400 if trouble else 200, trouble, given=given, metadata=metadata, event=MEETING)

    def _reschedule(self, call: Call, booking: Booking, fields: Mapping[str, str]) -> Answer:
        trouble = ""
        if call.method == "POST":
            try:
                return self._see(self.calendar.reschedule(booking, self._chosen(fields)))
            except ValueError:
                trouble = "Esa reserva ya no se puede cambiar, o no elegiste una hora libre."
        return self._page("reschedule.html", 400 if trouble else 200, trouble, booking=booking, when=_when(booking))

    def _booking(self, call: Call, booking: Booking, fields: Mapping[str, str]) -> Answer:
        if call.method == "POST" and booking["status"] == "ACCEPTED":
            self.calendar.cancel(booking, fields.get("reason", ""))
        new = next((row["uid"] for row in self.calendar.shelf.rows("bookings") if row["follows"] == booking["uid"]), "")
        heading = "Esta reserva se cambió" if new else _HEADINGS.get(booking["status"], "Esta reserva se canceló")
        return self._page("booking.html", heading=heading, booking=booking, when=_when(booking), new=new)

    def _chosen(self, fields: Mapping[str, str]) -> datetime:
        """The time that was chosen, which must be one of those that are free. Raises ValueError."""
        start = datetime.fromisoformat(fields.get("start", ""))
        if start not in self.calendar.offered():
            raise ValueError("the time is not free")
        return start

    def _see(self, booking: Booking) -> Answer:
        return Answer(
            status=303, headers={**HEADERS, "Location": f"{self.prefix}/{self.shown}/{booking['uid']}"}, content_type=HTML
        )

    def _page(self, name: str, status: int = 200, trouble: str = "", **values: Any) -> Answer:
        values |= {
            "brand": self.brand,
            "booking_at": f"{self.prefix}/{self.shown}",
            "moving_at": f"{self.prefix}/{self.moving}",
        }
        values |= {"host": HOST, "trouble": trouble, "days": self._days()}
        text = _templates().get_template(name).render(**values, zone="Ciudad de México")
        outcome = "ok" if status < 400 else "refused"  # noqa: PLR2004  # the good answers of HTTP
        return Answer(status=status, body=text.encode(), content_type=HTML, headers=HEADERS, outcome=outcome)

    def _days(self) -> list[tuple[str, list[tuple[str, str]]]]:
        local = [moment.astimezone(ZoneInfo(TIME_ZONE)) for moment in self.calendar.offered()]
        return [
            (_day(next(iter(times))), [(iso(moment), f"{moment:%H:%M}") for moment in times])
            for times in (list(found) for _, found in groupby(local, key=lambda moment: moment.date()))
        ]


_HEADINGS = {"ACCEPTED": "Tu llamada está reservada", "PENDING": "Tu llamada espera a que la confirmen"}


def metadata_in(fields: Mapping[str, str]) -> dict[str, str]:
    """What stands in `metadata[...]` of a query or form, and where its link stood (utm_...); it comes back in the webhooks."""
    tracking = {name: value for name, value in fields.items() if name.startswith("utm_")}
    return tracking | {
        name.removeprefix("metadata[").removesuffix("]"): value
        for name, value in fields.items()
        if name.startswith("metadata[") and name.endswith("]")
    }


def _nobody() -> Booking:
    return {"uid": "", "name": "", "email": "", "status": ""}


def _day(moment: datetime) -> str:
    return f"{_DAYS[moment.weekday()]} {moment.day} de {_MONTHS[moment.month - 1]}"


def _when(booking: Booking) -> str:
    moment = datetime.fromisoformat(booking["start"]).astimezone(ZoneInfo(TIME_ZONE))
    return f"{_day(moment)}, {moment:%H:%M}, hora de Ciudad de México"


@cache
def _templates() -> Environment:
    folder = Path(__file__).resolve().parent / "html"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
