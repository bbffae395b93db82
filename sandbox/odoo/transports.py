"""Odoo's two APIs over HTTP: `/jsonrpc` (up to Odoo 19 and a while longer) and `/json/2` (from Odoo 19)."""

import json
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from sandbox.odoo.calling import call_named, call_positional
from sandbox.odoo.database import API_KEYS, NAME, Database
from sandbox.odoo.env import Env
from sandbox.odoo.errors import INTERNAL, HtmlError, OdooError, bad_type, bad_value
from sandbox.vendor import Answer, Call

VERSION: dict[str, Any] = {
    "server_version": "19.0", "server_version_info": [19, 0, 0, "final", 0, ""], "server_serie": "19.0", "protocol_version": 1,
}  # fmt: skip
_ROUTE = "/json/2/<model>/<method>"
_SIGN_IN = {"authenticate": ("db", "login", "password", "user_agent_env"), "login": ("db", "login", "password")}


def answer_jsonrpc(db: Database, call: Call, data: Any) -> Answer:
    """`POST /jsonrpc`; `data` is the parsed body, or the error that parsing raised."""
    _require_json(call, "jsonrpc", "/jsonrpc")
    if isinstance(data, ValueError):
        return Answer(status=400, body=b"Invalid JSON data", content_type="text/html; charset=utf-8", outcome="BadRequest")
    if not isinstance(data, dict):
        return Answer(status=400, body=b"Invalid JSON-RPC data", content_type="text/html; charset=utf-8", outcome="BadRequest")
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": data.get("id")}
    outcome = "ok"
    try:
        result = _serve(db, data.get("params"))
        if result is not None:
            reply["result"] = result
        outcome = _outcome(result)
    except Exception as raised:  # noqa: BLE001  # Odoo, too, answers whatever its code trips over
        error = _as_odoo_error(raised)
        reply["error"] = {"code": 0, "message": "Odoo Server Error", "data": _described(error)}
        outcome = error.short
    return Answer(body=json.dumps(reply).encode(), outcome=outcome)


def answer_json2(db: Database, call: Call, data: Any) -> Answer:
    """`POST /json/2/<model>/<method>`; `data` as for `answer_jsonrpc`."""
    try:
        result = _serve_named(db, call, data)
    except Exception as raised:  # noqa: BLE001  # as above
        error = _as_odoo_error(raised)
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}  # noqa: PLR2004
        body = json.dumps(_described(error)).encode()
        return Answer(status=error.status, body=body, headers=headers, outcome=error.short)
    return Answer(body=json.dumps(result).encode(), outcome=_outcome(result))


def _outcome(result: Any) -> str:
    refused = isinstance(result, dict) and result.get("ids") is False
    return "load refused" if refused else "ok"


def _as_odoo_error(raised: Exception) -> OdooError:
    """What a client is told of any exception. Raises HtmlError for what Odoo cannot even put into JSON."""
    if isinstance(raised, HtmlError):
        raise raised
    if isinstance(raised, UnicodeEncodeError):
        raise HtmlError(500, "Internal Server Error", INTERNAL) from raised
    if isinstance(raised, OdooError):
        return raised
    traceback.print_exception(raised, file=sys.stderr)
    return OdooError(f"builtins.{type(raised).__name__}", str(raised))


def _described(error: OdooError) -> dict[str, Any]:
    arguments: list[Any] = [error.message]
    if error.name.startswith("werkzeug."):
        arguments.append(error.status)
    debug = (
        f'Traceback (most recent call last):\n  File "/odoo/http.py", line 2273, in _serve_db\n{error.name}: {error.message}\n'
    )
    return {"name": error.name, "message": error.message, "arguments": arguments, "context": {}, "debug": debug}


def _require_json(call: Call, kind: str, route: str) -> None:
    content_type = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if call.method == "POST" and content_type == "application/json":
        return
    text = (
        f"Request inferred type is compatible with [&#39;http&#39;] but &#39;{route}&#39; is type=&#39;{kind}&#39;."
        "<br><br>Please verify the Content-Type request header and try again."
    )
    raise HtmlError(415, "Unsupported Media Type", text)


def _serve(db: Database, params: Any) -> Any:
    params = params if isinstance(params, dict) else {}
    absent = [name for name in ("service", "method", "args") if name not in params]
    if absent:
        raise _missing_arguments("JSONRPC.jsonrpc", absent)
    service, method, args = params["service"], params["method"], params["args"]
    if service == "common":
        return _common(db, method, args)
    if service == "object":
        return _object(db, method, args)
    raise OdooError("builtins.KeyError", str(service))


def _missing_arguments(function: str, names: list[str]) -> OdooError:
    quoted = [f"'{name}'" for name in names]
    listed = quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + ("," if len(quoted) > 2 else "") + f" and {quoted[-1]}"  # noqa: PLR2004
    plural = "s" if len(names) > 1 else ""
    return bad_type(f"{function}() missing {len(names)} required positional argument{plural}: {listed}")


def _common(db: Database, method: Any, args: list[Any]) -> Any:
    if method == "version":
        return VERSION
    if method not in _SIGN_IN:
        raise OdooError("builtins.Exception", f"Method not found: {method}")
    names = _SIGN_IN[method]
    if len(args) < len(names):
        raise _missing_arguments(f"exp_{method}", list(names[len(args) :]))
    _require_database(args[0])
    return db.authenticate(args[1], args[2]) or False


def _object(db: Database, method: Any, args: list[Any]) -> Any:
    if len(args) < 5:  # noqa: PLR2004  # db, uid, password, model, method
        raise bad_value(f"not enough values to unpack (expected at least 5, got {len(args)})")
    database, uid, password, model, name, *rest = args
    _require_database(database)
    db.verify(uid, password)
    if method == "execute":
        positional, named = rest, {}
    elif method == "execute_kw":
        positional, named = (rest[0] if rest else []), dict(rest[1] if len(rest) > 1 and rest[1] else {})
    else:
        raise bad_value(f"Method not available {method}")
    context = named.pop("context", None) or {}
    return call_positional(Env(db, uid, context), model, name, list(positional), named)


def _require_database(name: Any) -> None:
    if name != NAME:
        text = f'connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "{name}" does not exist\n'
        raise OdooError("psycopg2.OperationalError", text)


def _serve_named(db: Database, call: Call, data: Any) -> Any:
    database = call.headers.get("X-Odoo-Database", NAME)
    if database != NAME:
        text = "No database is selected and the requested URL was not found in the server-wide controllers."
        raise HtmlError(404, "Not Found", text)
    parts = call.path.removeprefix("/json/2").strip("/").split("/")
    if call.method != "POST" or len(parts) != 2:  # noqa: PLR2004  # model and method
        raise OdooError("werkzeug.exceptions.NotFound", f"Did you mean POST {_ROUTE}?", status=404)
    _require_json(call, "json2", _ROUTE.replace("<", "&lt;__").replace(">", "__&gt;"))
    env_uid = _bearer(call.headers)
    if isinstance(data, ValueError):
        message = f"could not parse the body as json: {data}"
        raise OdooError("werkzeug.exceptions.BadRequest", message, status=400)
    model, method = parts
    if model not in db.models:
        raise OdooError("werkzeug.exceptions.NotFound", f"the model '{model}' does not exist", status=404)
    params = dict(data) if isinstance(data, dict) else {}
    context = params.pop("context", None) or {}
    try:
        return call_named(Env(db, env_uid, context), model, method, params)
    except OdooError as error:
        if error.name == "builtins.AttributeError" and error.status == 404:  # noqa: PLR2004
            raise OdooError("werkzeug.exceptions.NotFound", error.message, status=404) from error
        raise


def _bearer(headers: Mapping[str, str]) -> int:
    kind, _, key = headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not key:
        text = "User not authenticated, use an API Key with a Bearer Authorization header."
        raise OdooError("werkzeug.exceptions.Unauthorized", text, status=401)
    uid = API_KEYS.get(key.strip())
    if uid is None:
        raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey", status=401)
    return uid
