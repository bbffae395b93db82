"""Calls: the phone rings, somebody answers or not, what the app wants said is fetched and said, the call ends."""

from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sandbox.shelf import Row
from sandbox.twilio import resources, twiml
from sandbox.twilio.resources import MAGIC_CALLS, is_number, is_url, new_sid, refused
from sandbox.vendor import Reply

if TYPE_CHECKING:
    from sandbox.twilio.server import Twilio

OUTCOMES = ("human", "machine", "no-answer", "busy", "failed")
MOST_REDIRECTS = 5
LETTERS_PER_SECOND = 15
# What the network says when nobody is reached (SIP).
_SIP = {"busy": "486", "no-answer": "487", "failed": "404"}


class Calls:
    """The calls of the account; `twilio` keeps them and calls the app."""

    def __init__(self, twilio: "Twilio") -> None:
        self._twilio = twilio

    def create(self, form: Mapping[str, str], events: Sequence[str]) -> Row:
        """Take a call, or refuse it as Twilio does; then the phone rings. `events` are those of the status callback.

        Raises:
            RefusedError: a number or address that Twilio does not take.
        """
        _check(form)
        row: Row = {
            "id": new_sid("CA"),
            "to": form["To"],
            "from": form["From"],
            "status": "queued",
            "direction": "outbound-api",
            "answered_by": None,
            "duration": None,
            "at": self._twilio.moment(),
            "events": [],
            "said": [],
            "trouble": "",
            "url": form.get("Url", ""),
            "method": form.get("Method", "POST").upper(),
            "callback": form.get("StatusCallback", ""),
            "callback_events": list(events) or ["completed"],
            "detection": form.get("MachineDetection", ""),
            "detection_callback": form.get("AsyncAmdStatusCallback", "") if form.get("AsyncAmd") == "true" else "",
            "redirects": 0,
        }
        self._twilio.shelf.put("calls", row["id"], row)
        self._ring(row, self._twilio.chosen("calls", form["To"], "human"), form.get("Twiml", ""))
        return row

    def redirect(self, row: Row, form: Mapping[str, str]) -> None:
        """Let the call go on elsewhere. Raises RefusedError when it is over."""
        if row["status"] != "in-progress":
            raise refused(21220)
        if not is_url(form.get("Url", "")):
            raise refused(21205)
        row |= {"url": form["Url"], "method": form.get("Method", "POST").upper()}
        self._ask(row)

    def answered(self, sid: str, reply: Reply) -> None:
        """The app has said what is to be said."""
        row = self._twilio.shelf.get("calls", sid)
        if row is None or row["status"] != "in-progress":
            return
        try:
            heard = twiml.read_call(reply.body) if reply.status == 200 else None  # noqa: PLR2004  # anything else is none
        except ValueError:
            heard = None
        if heard is None:
            row["trouble"] = f"no TwiML came from the app (it answered {reply.status or 'nothing'})"
            self._end(row, "completed", (twiml.FAILED,))
        elif heard.redirect and row["redirects"] < MOST_REDIRECTS:
            row["said"] += heard.said
            row |= {"redirects": row["redirects"] + 1, "url": _joined(row["url"], heard.redirect)}
            self._ask(row)
        else:
            self._end(row, "completed", heard.said)

    def _ring(self, row: Row, outcome: str, ready: str) -> None:
        self._tell(row, "queued", "initiated")
        self._tell(row, "ringing", "ringing")
        if outcome in _SIP:
            self._end(row, outcome, ())
            return
        row["answered_by"] = self._answered_by(row, outcome) if row["detection"] else None
        self._tell(row, "in-progress", "answered")
        if row["detection_callback"]:
            fields = {"CallSid": row["id"], "AccountSid": resources.ACCOUNT, "AnsweredBy": row["answered_by"]}
            fields["MachineDetectionDuration"] = "3200"
            self._twilio.post("call detection", row["detection_callback"], fields, row["id"])
        if row["url"]:
            self._ask(row)
        else:
            heard = twiml.read_call(ready.encode())
            self._end(row, "completed", heard.said)

    def _answered_by(self, row: Row, outcome: str) -> str:
        if outcome == "human":
            return "human"
        return "machine_end_beep" if row["detection"] == "DetectMessageEnd" else "machine_start"

    def _ask(self, row: Row) -> None:
        """Fetch what is to be said, by GET with the fields in the address or by POST as a form; signed either way."""
        fields = _common(row) | {"CallStatus": "in-progress"}
        if row["answered_by"] and not row["detection_callback"]:
            fields["AnsweredBy"] = row["answered_by"]
        url, form = row["url"], fields
        if row["method"] == "GET":
            url, form = f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}", {}
        self._twilio.post("call script", url, form, "", about=f"script:{row['id']}", method=row["method"], asks=True)

    def _end(self, row: Row, status: str, said: Sequence[str]) -> None:
        row["said"] += said
        spoken = sum(len(part) for part in row["said"])
        row["duration"] = str(1 + spoken // LETTERS_PER_SECOND) if status == "completed" else "0"
        self._tell(row, status, "completed")

    def _tell(self, row: Row, status: str, event: str) -> None:
        row["status"] = status
        row["events"].append({"word": status, "at": self._twilio.moment()})
        self._twilio.shelf.touch()
        if not row["callback"] or event not in row["callback_events"]:
            return
        fields = _common(row) | {
            "CallStatus": "initiated" if event == "initiated" else status,
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(len(row["events"]) - 1),
            "Timestamp": format_datetime(self._twilio.now()),
        }
        if event == "completed":
            fields |= {"CallDuration": row["duration"], "Duration": str(-(-int(row["duration"]) // 60))}
            fields |= {"SipResponseCode": _SIP.get(status, "200")}
        if row["answered_by"]:
            fields["AnsweredBy"] = row["answered_by"]
        self._twilio.post(f"call {status}", row["callback"], fields, row["id"])


def _check(form: Mapping[str, str]) -> None:
    to = form.get("To", "")
    if not to:
        raise refused(21201)
    if to in MAGIC_CALLS:
        raise refused(MAGIC_CALLS[to], to)
    if not is_number(to) or to.startswith("whatsapp:"):
        raise refused(21211, to)
    if not form.get("From"):
        raise refused(21213)
    if not is_url(form.get("Url", "")) and not form.get("Twiml"):
        raise refused(21205)
    if form.get("StatusCallback") and not is_url(form["StatusCallback"]):
        raise refused(21609, form["StatusCallback"])
    if form.get("Twiml") and not form.get("Url"):
        try:
            twiml.read_call(form["Twiml"].encode())
        except ValueError as error:
            raise refused(21205) from error


def _common(row: Row) -> dict[str, str]:
    return {
        "CallSid": row["id"],
        "AccountSid": resources.ACCOUNT,
        "ApiVersion": resources.API_VERSION,
        "Direction": "outbound-api",
        "From": row["from"],
        "To": row["to"],
        "Caller": row["from"],
        "Called": row["to"],
    }


def _joined(base: str, target: str) -> str:
    """Where a redirect leads: an address of its own, or a path on the same host."""
    if is_url(target):
        return target
    scheme, _, rest = base.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{target.lstrip('/')}"
