"""The pages of Kommo's API: which answer belongs to which method and path."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sandbox.jsonapi import Handler, RefusedError, Router, answer_json, body_of, header
from sandbox.kommo import checks, finding, seed
from sandbox.kommo.checks import Fault, Faults
from sandbox.kommo.records import HIDDEN, Records, Row
from sandbox.vendor import Answer, Call

HAL, PROBLEM = "application/hal+json", "application/problem+json"
ROOT = "/api/v4"
MOST_COMPLEX, MOST = 50, 250
_TITLES = {400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found"}
_TITLES |= {405: "Method Not Allowed", 429: "Too Many Requests"}


def problem(status: int, detail: str, **more: Any) -> Answer:
    """A refusal as Kommo words it."""
    title = _TITLES[status]
    body = {**more, "title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail}
    return answer_json(body, status, outcome=title.lower(), content_type=PROBLEM)


def _invalid(faults: Mapping[str, Faults]) -> RefusedError:
    entries = [{"request_id": key, "errors": [fault.shown() for fault in found]} for key, found in faults.items() if found]
    return RefusedError(problem(400, "Request validation failed", **{"validation-errors": entries}))


class Api:
    """Answers for one account, whose records are `own`; `prefix` is where it stands."""

    def __init__(self, own: Records, prefix: str) -> None:
        self.own, self.prefix = own, prefix
        self.merges_duplicates = False
        pages: list[tuple[str, str, Handler]] = [
            ("GET", "/account", self._account),
            ("GET", "/leads/pipelines", self._pipelines),
            ("GET", "/leads/pipelines/{pipeline}", self._pipeline),
            ("GET", "/leads/pipelines/{pipeline}/statuses", self._statuses),
            ("POST", "/leads/complex", self._complex),
        ]
        for kind in ("leads", "contacts"):
            pages += [
                ("GET", f"/{kind}/custom_fields", partial(self._fields, kind)),
                ("GET", f"/{kind}/notes", partial(self._notes, kind)),
                ("POST", f"/{kind}/notes", partial(self._add_notes, kind)),
                ("GET", f"/{kind}/{{number}}/notes", partial(self._notes, kind)),
                ("POST", f"/{kind}/{{number}}/notes", partial(self._add_notes, kind)),
                ("GET", f"/{kind}", partial(self._list, kind)),
                ("POST", f"/{kind}", partial(self._create, kind)),
                ("PATCH", f"/{kind}", partial(self._update_many, kind)),
                ("GET", f"/{kind}/{{number}}", partial(self._one, kind)),
                ("PATCH", f"/{kind}/{{number}}", partial(self._update, kind)),
            ]
        self.router = Router((method, ROOT + path, handler) for method, path, handler in pages)

    def answer(self, call: Call) -> Answer:
        """Serve one request."""
        found = self.router.find(call)
        if found is None:
            known = self.router.methods(call.path)
            return problem(405, "The method is not allowed") if known else problem(404, "The page cannot be found")
        handler, parts = found
        try:
            return handler(call, **parts)
        except RefusedError as refused:
            return refused.answer
        except finding.BadQueryError as error:
            return _invalid({"0": error.faults}).answer

    def _account(self, call: Call) -> Answer:
        body = {"id": seed.ACCOUNT, "name": "Sandbox", "subdomain": "sandbox", "current_user_id": seed.USER, "country": "MX"}
        return self._ok(body | {"currency": "MXN", "_links": self._links(call)})

    def _pipelines(self, call: Call) -> Answer:
        href = f"{self._base(call)}/leads/pipelines/{seed.PIPELINE}"
        embedded = {"pipelines": [seed.pipeline(href)]}
        return self._ok({"_total_items": 1, "_links": self._links(call), "_embedded": embedded})

    def _pipeline(self, call: Call, pipeline: str) -> Answer:
        self._require(pipeline == str(seed.PIPELINE))
        return self._ok(seed.pipeline(f"{self._base(call)}/leads/pipelines/{pipeline}"))

    def _statuses(self, call: Call, pipeline: str) -> Answer:
        self._require(pipeline == str(seed.PIPELINE))
        statuses = seed.pipeline(f"{self._base(call)}/leads/pipelines/{pipeline}")["_embedded"]["statuses"]
        return self._ok({"_total_items": len(statuses), "_embedded": {"statuses": statuses}})

    def _fields(self, kind: str, call: Call) -> Answer:
        fields = [field.shown(kind) for field in seed.FIELDS[kind]]
        embedded = {"custom_fields": fields}
        return self._ok({"_total_items": len(fields), "_page": 1, "_links": self._links(call), "_embedded": embedded})

    def _list(self, kind: str, call: Call) -> Answer:
        found = finding.chosen(kind, self.own.rows(kind), list(call.query.items()), self.own.text)
        return self._page(kind, found, call, lambda row: self._shown(kind, row, call))

    def _one(self, kind: str, call: Call, number: str) -> Answer:
        row = self.own.find(kind, number)
        # As in a list, what is not there is no content, not an error.
        return Answer(status=204) if row is None else self._ok(self._shown(kind, row, call))

    def _create(self, kind: str, call: Call) -> Answer:
        entries = self._entries(call, lambda given: checks.entity(kind, given) or self._unlinked(kind, given))
        made = []
        for place, given in enumerate(entries):
            row = self.own.create(kind, given)
            for one in (given.get("_embedded") or {}).get("contacts", []) if kind == "leads" else []:
                self.own.link(row, self._existing("contacts", one["id"]))
            made.append(
                {"id": row["id"], "request_id": str(given.get("request_id", place)), "_links": self._link(kind, row, call)}
            )
        return self._ok({"_links": self._links(call), "_embedded": {kind: made}})

    def _complex(self, call: Call) -> Answer:
        entries = self._entries(call, self._complex_faults, MOST_COMPLEX)
        # Duplicates are looked for among the leads that are there, not among those of the same request.
        duplicates = [self._duplicate(given) for given in entries]
        return answer_json([self._add_complex(*pair) for pair in zip(entries, duplicates, strict=True)], content_type=HAL)

    def _add_complex(self, given: Mapping[str, Any], duplicate: tuple[Row, Row] | None) -> dict[str, Any]:
        person = _contact_of(given)
        request_id = [str(given.get("request_id", "0"))]
        if duplicate:
            lead, contact = duplicate
            self.own.change("leads", lead, given)
            return {"id": lead["id"], "contact_id": contact["id"], "company_id": None, "request_id": request_id, "merged": True}
        lead, contact_id = self.own.create("leads", given), None
        if person is not None:
            contact = self._existing("contacts", person["id"]) if "id" in person else self.own.create("contacts", person)
            self.own.link(lead, contact)
            contact_id = contact["id"]
        return {"id": lead["id"], "contact_id": contact_id, "company_id": None, "request_id": request_id, "merged": False}

    def _duplicate(self, given: Mapping[str, Any]) -> tuple[Row, Row] | None:
        person = _contact_of(given)
        if person is None or not self.merges_duplicates:
            return None
        return self.own.duplicate(self._existing("contacts", person["id"]) if "id" in person else person)

    def _update(self, kind: str, call: Call, number: str) -> Answer:
        row = self.own.find(kind, number)
        self._require(row is not None)
        given = self._json(call)
        if faults := checks.entity(kind, given):
            raise _invalid({"0": faults})
        row = self._existing(kind, number)
        self.own.change(kind, row, given)
        return self._ok(self._changed(kind, row, call))

    def _update_many(self, kind: str, call: Call) -> Answer:
        entries = self._entries(call, lambda given: checks.entity(kind, given) or self._unknown(kind, given))
        for given in entries:
            self.own.change(kind, self._existing(kind, given["id"]), given)
        changed = [self._changed(kind, self._existing(kind, given["id"]), call) for given in entries]
        return self._ok({"_links": self._links(call), "_embedded": {kind: changed}})

    def _notes(self, kind: str, call: Call, number: str | None = None) -> Answer:
        rows = self.own.notes(kind, number)
        found = finding.chosen("notes", rows, list(call.query.items()), self.own.text)
        return self._page("notes", found, call, lambda row: self._shown_note(kind, row, call))

    def _add_notes(self, kind: str, call: Call, number: str | None = None) -> Answer:
        entries = self._entries(call, lambda given: checks.note(given) + self._unattached(kind, given, number))
        made = []
        for place, given in enumerate(entries):
            row = self.own.add_note(kind, int(number or given["entity_id"]), given)
            own = {"id": row["id"], "entity_id": row["entity_id"], "request_id": str(given.get("request_id", place))}
            made.append(own | {"_links": self._link(f"{kind}/{row['entity_id']}/notes", row, call)})
        return self._ok({"_links": self._links(call), "_embedded": {"notes": made}})

    # --- what the pages share ---

    def _entries(self, call: Call, faults_of: Callable[[Any], Faults], most: int = MOST) -> list[dict[str, Any]]:
        """The bare array that was sent. Raises RefusedError with the faults of each entry."""
        given = self._json(call)
        if not isinstance(given, list) or not given:
            raise _invalid({"0": [checks.wrong_type("", "array")]})
        if len(given) > most:
            raise _invalid({"0": [Fault("TooMany", "", f"This collection should contain {most} elements or less.")]})
        faults = {str(place): faults_of(one) for place, one in enumerate(given)}
        if any(faults.values()):
            raise _invalid(faults)
        return list(given)

    def _complex_faults(self, given: Any) -> Faults:
        faults = checks.entity("leads", given)
        if faults:
            return faults
        embedded = given.get("_embedded") or {}
        for name in ("contacts", "companies"):
            if len(embedded.get(name) or []) > 1:
                faults.append(Fault("TooMany", f"_embedded.{name}", "This collection should contain 1 element or less."))
        person = _contact_of(given) if not faults else None
        if person is not None:
            faults += checks.entity("contacts", person, "_embedded.contacts.0.") + self._unlinked("leads", given)
        return faults

    def _unlinked(self, kind: str, given: Any) -> Faults:
        """Contacts that a lead names by an id that there is not."""
        people = (given.get("_embedded") or {}).get("contacts") or [] if isinstance(given, dict) and kind == "leads" else []
        return [
            checks.no_choice(f"_embedded.contacts.{place}.id")
            for place, one in enumerate(people)
            if "id" in one and self.own.find("contacts", one["id"]) is None
        ]

    def _unknown(self, kind: str, given: Mapping[str, Any]) -> Faults:
        if "id" not in given:
            return [checks.missing("id")]
        return [] if self.own.find(kind, given["id"]) else [checks.no_choice("id")]

    def _unattached(self, kind: str, given: Any, number: str | None) -> Faults:
        entity_id = number if number is not None else given.get("entity_id") if isinstance(given, dict) else None
        if entity_id is None:
            return [checks.missing("entity_id")]
        return [] if self.own.find(kind, entity_id) else [checks.no_choice("entity_id")]

    def _existing(self, kind: str, number: Any) -> Row:
        row = self.own.find(kind, number)
        self._require(row is not None)
        return row or {}

    @staticmethod
    def _require(there: bool) -> None:  # noqa: FBT001  # what is said is all there is to say
        if not there:
            raise RefusedError(problem(404, "Entity not found"))

    @staticmethod
    def _json(call: Call) -> Any:
        try:
            return body_of(call)
        except ValueError as error:
            raise RefusedError(problem(400, "The body is no JSON")) from error

    @staticmethod
    def _ok(body: Any) -> Answer:
        return answer_json(body, content_type=HAL)

    def _page(self, name: str, found: Sequence[Row], call: Call, show: Callable[[Row], dict[str, Any]]) -> Answer:
        page, limit = finding.paging(list(call.query.items()))
        here = found[(page - 1) * limit : page * limit]
        if not here:
            return Answer(status=204)
        links = self._links(call)
        if page * limit < len(found):
            links["next"] = {"href": f"{self._base(call)}{call.path.removeprefix(ROOT)}?page={page + 1}&limit={limit}"}
        return self._ok({"_page": page, "_links": links, "_embedded": {name: [show(row) for row in here]}})

    def _shown(self, kind: str, row: Row, call: Call) -> dict[str, Any]:
        wanted = call.query.get("with", "").split(",")
        embedded: dict[str, Any] = {"tags": [{"id": place + 1, "name": tag} for place, tag in enumerate(row["tags"])]}
        embedded["companies"] = []
        other = "leads" if kind == "contacts" else "contacts"
        if other in wanted:
            embedded[other] = [{"id": number, "_links": self._link(other, {"id": number}, call)} for number in row[other]]
        shown = {name: value for name, value in row.items() if name not in HIDDEN}
        return shown | {"_links": self._link(kind, row, call), "_embedded": embedded}

    def _shown_note(self, kind: str, row: Row, call: Call) -> dict[str, Any]:
        shown = {name: value for name, value in row.items() if name != "entity"}
        return shown | {"_links": self._link(f"{kind}/{row['entity_id']}/notes", row, call)}

    def _changed(self, kind: str, row: Row, call: Call) -> dict[str, Any]:
        return {"id": row["id"], "name": row["name"], "updated_at": row["updated_at"], "_links": self._link(kind, row, call)}

    def _base(self, call: Call) -> str:
        return f"http://{header(call, 'host') or 'sandbox.kommo.com'}{self.prefix}{ROOT}"

    def _links(self, call: Call) -> dict[str, Any]:
        return {"self": {"href": f"{self._base(call)}{call.path.removeprefix(ROOT)}"}}

    def _link(self, kind: str, row: Mapping[str, Any], call: Call) -> dict[str, Any]:
        return {"self": {"href": f"{self._base(call)}/{kind}/{row['id']}"}}


def _contact_of(given: Any) -> dict[str, Any] | None:
    """The one contact of a lead, where there is one."""
    people = (given.get("_embedded") or {}).get("contacts") if isinstance(given, dict) else None
    return people[0] if isinstance(people, list) and people and isinstance(people[0], dict) else None
