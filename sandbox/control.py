"""The controls under `/_sandbox`: calls received, records held, faults, reset. For tests and for the page."""

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.config import APP_URL
from sandbox.faults import MODES, Fault
from sandbox.vendor import UnknownActionError, UnknownKindError, Vendor
from sandbox.webhooks import Manner, listed

if TYPE_CHECKING:
    from sandbox.app import Sandbox

PAGE_CALLS = 100


def add_routes(app: web.Application, sandbox: "Sandbox") -> None:
    """Put the controls on `app`."""
    control = Control(sandbox)
    app.router.add_get("/_sandbox/health", control.health)
    app.router.add_get("/_sandbox/calls", control.calls)
    app.router.add_get(r"/_sandbox/calls/{seq:\d+}", control.call)
    app.router.add_get("/_sandbox/overview", control.overview)
    app.router.add_get("/_sandbox/faults", control.faults)
    app.router.add_put("/_sandbox/faults/{vendor}", control.set_fault)
    app.router.add_delete("/_sandbox", control.reset)
    app.router.add_put("/_sandbox/config", control.configure)
    app.router.add_get("/_sandbox/webhooks", control.webhooks)
    app.router.add_put("/_sandbox/webhooks", control.set_manner)
    app.router.add_post("/_sandbox/webhooks/release", control.release)
    app.router.add_post(r"/_sandbox/webhooks/{id:\d+}/again", control.again)
    app.router.add_post("/_sandbox/{vendor}/{action}", control.act)
    app.router.add_get("/_sandbox/{vendor}/{kind}", control.records)


def _refused(message: str, status: int = 422, **more: Any) -> web.Response:
    return web.json_response({"error": message, **more}, status=status)


class _RefusedError(Exception):
    """A request that is not as it must be."""


def _number(request: web.Request, name: str, default: int | None, least: int = 0) -> int | None:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise _RefusedError(f"{name} must be a whole number, at least {least}; it is {text!r}")
    return int(text)


def _object(body: bytes) -> dict[str, Any]:
    given = json.loads(body) if body.strip() else {}
    if not isinstance(given, dict):
        raise ValueError("the body is a JSON object")  # noqa: TRY004  # to the caller it is a wrong value
    return given


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid")

    app_url: str = Field(default=APP_URL, pattern=r"^https?://[^/]+")
    secrets: dict[str, str] = {}


class Control:
    """The handlers. What is wrong with a request is told with status 422, an unknown vendor or kind with 404."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox

    async def health(self, _request: web.Request) -> web.Response:
        """Answers once the sandbox is up."""
        return web.json_response({"status": "ok", "vendors": sorted(self.sandbox.vendors)})

    async def calls(self, request: web.Request) -> web.Response:
        """Calls received, oldest first: `vendor`, `since` (a `seq`), `limit` (the newest so many)."""
        vendor = request.query.get("vendor")
        if vendor is not None and vendor not in self.sandbox.vendors:
            return self._unknown_vendor(vendor)
        try:
            since, limit = _number(request, "since", 0), _number(request, "limit", None)
        except _RefusedError as error:
            return _refused(str(error))
        found = self.sandbox.recorder.since(since or 0, vendor, limit)
        items = [call.shown(self.sandbox.vendors[call.vendor].mask) for call in found]
        return web.json_response({"items": items, "total": self.sandbox.recorder.total(vendor)})

    async def call(self, request: web.Request) -> web.Response:
        """One call, by its number."""
        seq = int(request.match_info["seq"])
        found = self.sandbox.recorder.find(seq)
        if found is None:
            return _refused(f"call {seq} is not kept", 404)
        return web.json_response(found.shown(self.sandbox.vendors[found.vendor].mask))

    async def records(self, request: web.Request) -> web.Response:
        """Records of one kind, filtered by any of their fields."""
        vendor = self.sandbox.vendors.get(request.match_info["vendor"])
        if vendor is None:
            return self._unknown_vendor(request.match_info["vendor"])
        try:
            limit = _number(request, "limit", None)
            filters = {name: value for name, value in request.query.items() if name != "limit"}
            items, total = vendor.records(request.match_info["kind"], filters, limit)
        except UnknownKindError as error:
            return _refused(str(error.args[0]), 404)
        except (_RefusedError, ValueError) as error:
            return _refused(str(error))
        return web.json_response({"items": items, "total": total})

    async def act(self, request: web.Request) -> web.Response:
        """Have a vendor do something; answers once its webhooks of the moment have been tried.

        `result` is what the vendor says, `webhooks` are those that it sent.
        """
        vendor = self.sandbox.vendors.get(request.match_info["vendor"])
        if vendor is None:
            return self._unknown_vendor(request.match_info["vendor"])
        sent_before = self.sandbox.webhooks.last_id
        try:
            result = vendor.act(request.match_info["action"], _object(await request.read()))
        except UnknownActionError as error:
            return _refused(str(error.args[0]), 404)
        except (ValueError, TypeError) as error:  # a value of the wrong kind, wherever it was found out
            return _refused(str(error))
        self.sandbox.touch()
        sent = self.sandbox.webhooks.since(sent_before, vendor=vendor.name)
        await self.sandbox.webhooks.tried(sent)
        return web.json_response({"result": result, "webhooks": listed(sent)})

    async def webhooks(self, request: web.Request) -> web.Response:
        """Webhooks sent, oldest first: `vendor`, `state` (waiting, held, delivered, failed), `since` (an `id`)."""
        try:
            since = _number(request, "since", 0) or 0
        except _RefusedError as error:
            return _refused(str(error))
        found = self.sandbox.webhooks.since(since, vendor=request.query.get("vendor"), state=request.query.get("state"))
        return web.json_response({"items": listed(found), "total": len(found)})

    async def set_manner(self, request: web.Request) -> web.Response:
        """Say how webhooks go: `delay_seconds`, `copies`, `order`, `hold`, `seed`; answers what holds then."""
        try:
            usual = self.sandbox.webhooks.usual.model_dump()
            manner = Manner.model_validate(usual | _object(await request.read()))
        except ValueError as error:
            return _refused(str(error))
        self.sandbox.webhooks.set(manner)
        return web.json_response(manner.model_dump())

    async def release(self, _request: web.Request) -> web.Response:
        """Let go the webhooks that are held; answers once each was tried."""
        found = self.sandbox.webhooks.release()
        await self.sandbox.webhooks.tried(found)
        return web.json_response({"items": listed(found), "total": len(found)})

    async def again(self, request: web.Request) -> web.Response:
        """Send a webhook once more, whatever became of it; answers what became of it now."""
        number = int(request.match_info["id"])
        found = self.sandbox.webhooks.find(number)
        if found is None:
            return _refused(f"webhook {number} is not kept", 404)
        self.sandbox.webhooks.again(found)
        await self.sandbox.webhooks.tried([found])
        return web.json_response(found.shown())

    async def configure(self, request: web.Request) -> web.Response:
        """Say where the app is (`app_url`) and with which secrets its webhooks are signed (`secrets`, by vendor)."""
        try:
            given = _object(await request.read())
            config = _Config.model_validate(given)
        except ValueError as error:
            return _refused(str(error))
        app_url = config.app_url.rstrip("/")
        self.sandbox.configure(replace(self.sandbox.config, app_url=app_url, secrets=config.secrets))
        return web.json_response({"app_url": config.app_url, "secrets": sorted(config.secrets)})

    async def faults(self, _request: web.Request) -> web.Response:
        """The faults that are set, and the modes that there are."""
        return web.json_response({name: self._fault(name) for name in self.sandbox.vendors})

    async def set_fault(self, request: web.Request) -> web.Response:
        """Set the fault of one vendor; answers what is set then."""
        vendor = self.sandbox.vendors.get(request.match_info["vendor"])
        if vendor is None:
            return self._unknown_vendor(request.match_info["vendor"])
        try:
            fault = Fault.model_validate_json(await request.read())
        except ValidationError as error:
            errors = [
                {"field": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors(include_url=False)
            ]
            return _refused("the fault is not as it must be", errors=errors)
        modes = _modes(vendor)
        if fault.mode not in modes:
            errors = [{"field": "mode", "message": f"must be one of {', '.join(modes)}"}]
            return _refused("the fault is not as it must be", errors=errors)
        self.sandbox.faults[vendor.name].set(fault)
        return web.json_response(self._fault(vendor.name))

    async def reset(self, request: web.Request) -> web.Response:
        """Forget records, calls and faults. The body may be the vendors' options, such as `{"custom_fields": false}`."""
        body = await request.read()
        try:
            options = self._options(body)
        except ValueError as error:
            return _refused(str(error))
        for vendor in self.sandbox.vendors.values():
            vendor.reset({name: value for name, value in options.items() if name in vendor.options})
        self.sandbox.webhooks.reset()
        self.sandbox.recorder.reset()
        for box in self.sandbox.faults.values():
            box.set(Fault(mode="none"))
        self.sandbox.touch()
        return web.json_response({"status": "reset"})

    def _options(self, body: bytes) -> dict[str, bool]:
        """The options of a reset. Raises ValueError for what no vendor knows."""
        options = json.loads(body) if body.strip() else {}
        known = {name for vendor in self.sandbox.vendors.values() for name in vendor.options}
        if not isinstance(options, dict) or not all(name in known and isinstance(options[name], bool) for name in options):
            raise ValueError(f"the options are a JSON object of {', '.join(sorted(known))}, each true or false")
        return options

    async def overview(self, request: web.Request) -> web.Response:
        """What the page shows: per vendor the board, counters and fault, and the latest calls; short when nothing is new."""
        state = self._state()
        if request.query.get("state") == state:
            return web.json_response({"state": state, "unchanged": True})
        vendors = [self._overview(vendor) for vendor in self.sandbox.vendors.values()]
        found = self.sandbox.recorder.since(0, None, PAGE_CALLS)
        calls = [call.summary() for call in found[::-1]]
        return web.json_response({"state": state, "vendors": vendors, "calls": calls})

    def _state(self) -> str:
        revisions = "-".join(str(vendor.revision) for vendor in self.sandbox.vendors.values())
        faults = "-".join(f"{box.fault.model_dump_json()}{box.left}" for box in self.sandbox.faults.values())
        recorder = self.sandbox.recorder
        return f"{recorder.last_seq}/{recorder.total()}/{revisions}/{self.sandbox.webhooks.revision}/{hash(faults):x}"

    def _overview(self, vendor: Vendor) -> dict[str, Any]:
        return {
            "name": vendor.name,
            "title": vendor.title,
            "connection": dict(vendor.connection),
            "board_title": vendor.board_title,
            "calls": self.sandbox.recorder.total(vendor.name),
            "failures": self.sandbox.recorder.failures[vendor.name],
            "counters": dict(vendor.counters()),
            "board": [asdict(column) for column in (*vendor.board(), *self.sandbox.webhooks.columns(vendor))],
            "actions": dict(vendor.actions),
            "links": dict(vendor.links),
            "fault": self._fault(vendor.name),
        }

    def _fault(self, name: str) -> dict[str, Any]:
        return {**self.sandbox.faults[name].shown(), "modes": _modes(self.sandbox.vendors[name])}

    def _unknown_vendor(self, name: str) -> web.Response:
        return _refused(f"there is no vendor {name}; there is {', '.join(self.sandbox.vendors)}", 404)


def _modes(vendor: Vendor) -> dict[str, str]:
    return {**MODES, **vendor.modes}
