"""The demonstration's last part: what waits for a person in the console, made as it comes about in real life.

A stage that nobody knows, a person who asks something and one who wants nothing any more, a message whose answer was lost and
one that was refused, an advisor, and broadcasts: one that ran, one that a second person has to approve, two about which one
has decided, and one whose plan waits.
"""

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from local import lead
from local.demo import HOOKS
from local.part import PostingPart, Row
from shared.journeys import chatbots

UNKNOWN_STAGE = "Valoración agendada"
QUESTION = "¿Puedo pasar mi cita al viernes?"
PRODUCT = "Plan Anual"
NEWS = "novedades"
ADVISOR = "Carla Ríos"
DECIDED = (("Seguimiento de valoración", (3, 6), "approve"), ("Aviso con fecha equivocada", (7, 8), "reject"))
COMMENTS = {"approve": "Revisado con el equipo.", "reject": "La fecha no es la de este año."}
STOPPED = 9  # in the number of somebody who wants no messages
DIGITS = 9
BEGUN, WAITS = ("running", "completed"), ("queued",)


class Demo(PostingPart):
    """Brings each of them about, at the app's webhooks or in the sandbox. `post` and `ask` are requests with its key.

    `press` sends a form of the console (`local.signed_in`); `decide` is a request like `post`, by a second person.
    """

    def __init__(
        self,
        sandbox_url: str,
        post: Callable[[str, Any], Row],
        ask: Callable[[str], Row],
        press: Callable[[str, str], str],
        decide: Callable[[str, Any], Row],
    ) -> None:
        super().__init__(sandbox_url, post, ask)
        self._press, self._decide = press, decide

    def show(self, name: str, phone: str) -> bool:
        """All of them, and wait until the record has each; whether all came. `phone` is that of a visitor called `name`."""
        print(f"\n  What waits for a person in the console  ({name})")
        shown = [
            self._stopped(),
            self._question(phone),
            self._stop(),
            self._advisor(),
            self._message("uncertain", self._answer_is_lost),
            self._message("dead", self._window_is_closed),
            *self._broadcasts(),
            self._plan(),
            *(self._decided(name, places, verdict) for name, places, verdict in DECIDED),
        ]
        return all(shown)

    def _stopped(self) -> bool:
        """A stage that is not in the map."""
        state = {"stage_id": UNKNOWN_STAGE, "summary": "Prefiere la tarde", "date": _now()}
        self._post(HOOKS["opportunity"], {"manychat_id": number(), "first_name": "Luis", "state": state})
        return self._came("stopped", "/api/v1/dead-letters", _any, lambda row: f"{row['type']}: {row['reason']}")

    def _question(self, phone: str) -> bool:
        """What somebody writes by WhatsApp, and nobody has answered."""
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/twilio/reply", {"from": phone, "text": QUESTION})
        asks = "/api/v1/inbound-messages"
        return self._came("asked", asks, lambda row: bool(row["text"] == QUESTION), lambda row: f"“{row['text']}”")

    def _stop(self) -> bool:
        """Somebody who writes BAJA, and is written to no more."""
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/twilio/reply", {"from": _phone(STOPPED), "text": "BAJA"})
        return self._came("stop", "/api/v1/suppressions", _any, lambda row: f"{row['channel']}: {row['cause']}")

    def _advisor(self) -> bool:
        """Whom leads go to, with the number that they have in Odoo."""
        self._post("/api/v1/advisors", {"name": ADVISOR, "email": "carla@example.com", "odoo_user_id": 7})
        return self._came("advisor", "/api/v1/advisors", _any, lambda row: str(row["name"]))

    def _message(self, state: str, trouble: Callable[[str], None]) -> bool:
        """A message by ManyChat to somebody new, in whose way stands `trouble`."""
        subscriber = number()
        trouble(subscriber)
        properties = {"firstname": "Ana Demo", "interes_producto": PRODUCT, "manychat_user_id": subscriber}
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/hubspot/create", {"properties": properties})
        return self._came(state, f"/api/v1/deliveries?state={state}", _any, lambda row: f"{row['target']}.{row['action']}")

    def _answer_is_lost(self, _subscriber: str) -> None:
        self._fault("manychat", mode="accept_then_drop", only="sendContent", count=1)

    def _window_is_closed(self, subscriber: str) -> None:
        lead.asked("POST", f"{self.sandbox_url}/_sandbox/manychat/window", {"id": subscriber, "open": False})

    def _broadcasts(self) -> list[bool]:
        """One to a single person, which goes out, and one to several, which waits for a second person's approval."""
        people = [self._wants_messages(place) for place in range(3)]
        one, several = ("Aviso a una persona", people[:1], BEGUN), ("Jornada de valoración", people, WAITS)
        return [self._broadcast(*one), self._broadcast(*several)]

    def _plan(self) -> bool:
        """A broadcast whose start somebody has had worked out, and has not approved yet."""
        made = self._made("Recordatorio de valoración", [self._wants_messages(place) for place in (4, 5)])
        address = f"/console/broadcasts/{made.get('id')}/start"
        try:
            plan = self._press(address, address)
        except (LookupError, OSError) as error:
            self.step(f"plan: was not made ({error})")
            return False
        self.step(f"plan      {plan}")
        return plan.startswith("/console/plans/")

    def _decided(self, name: str, places: Collection[int], verdict: str) -> bool:
        """A broadcast to several about which a second person has said yes, or no."""
        waits = self._broadcast(name, [self._wants_messages(place) for place in places], WAITS)
        (newest,) = self._ask("/api/v1/approvals?state=pending&limit=1").get("items") or [{"id": 0}]
        answer = self._decide(f"/api/v1/approvals/{newest['id']}/{verdict}", {"comment": COMMENTS[verdict]})
        state = answer.get("approval", {}).get("state")
        self.step(f"decided   {name}: {state or answer}")
        return waits and state is not None

    def _wants_messages(self, place: int) -> Any:
        facts = {"first_name": "Ana Demo", "phone": _phone(place), "opt_in": True}
        return self._post("/api/v1/contacts/", facts).get("id")

    def _broadcast(self, name: str, people: list[Any], states: Collection[str]) -> bool:
        """Make it, start it, and wait until its run stands so."""
        made = self._made(name, people)
        if "id" not in made:
            self.step(f"refused   {name}: {made}")
            return False
        self._post(f"/api/v1/flow-automations/{made['id']}/start", {})
        path = f"/api/v1/flow-automations/{made['id']}/executions"
        return self._came("broadcast", path, lambda row: row["status"] in states, lambda row: f"{name}: {row['status']}")

    def _made(self, name: str, people: list[Any]) -> Row:
        words = {"first_name": "{{contact.first_name}}", "text": "Abrimos la agenda de marzo."}
        facts = {"name": name, "flow_id": chatbots.flow_id(NEWS), "audience_type": "custom", "variable_mapping": words}
        return self._post("/api/v1/flow-automations/", facts | {"audience_config": {"contact_ids": people}})

    def _fault(self, vendor: str, **fault: Any) -> None:
        lead.asked("PUT", f"{self.sandbox_url}/_sandbox/faults/{vendor}", fault)

    def _came(self, what: str, path: str, is_there: Callable[[Row], bool], shown: Callable[[Row], str]) -> bool:
        return self.came(path, is_there, lambda row: f"{what:<9} {shown(row)}", f"{what}: did not come in time")


def _phone(place: int) -> str:
    """A Mexican number that nobody had before in this hour."""
    return f"+52551{place}{datetime.now(UTC):%H%M%S}"


def _any(_row: Row) -> bool:
    return True


def number() -> str:
    """A number that nobody had before, without a nought in it."""
    return str(time.time_ns())[-DIGITS:].replace("0", "1")


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0).isoformat()
