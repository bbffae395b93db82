"""Calling a model's method by name with arguments from outside, as both of Odoo's APIs do."""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sandbox.odoo.env import Env
from sandbox.odoo.errors import UNPROCESSABLE, OdooError, access_error, bad_type
from sandbox.odoo.special import model_for


def parameter_error(message: str) -> OdooError:
    """What `/json/2` says of parameters that do not fit."""
    return OdooError("werkzeug.exceptions.UnprocessableEntity", message, status=UNPROCESSABLE)


def call_positional(env: Env, model: str, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """`execute_kw`: on records the first argument is their ids."""
    kind = _kind(env, model, method)
    if kind == "model":
        records = model_for(env, model)
    elif args:
        ids, *args = args
        records = model_for(env, model, as_ids(ids))
    else:
        raise OdooError("builtins.IndexError", "list index out of range")
    function = getattr(records, method)
    try:
        _signature(function.__func__).bind(records, *args, **kwargs)
    except TypeError:
        # Python words the complaint about a wrong call itself, and Odoo passes that on: so it is called, wrongly, here too.
        try:
            function(*args, **kwargs)
        except TypeError as error:
            raise bad_type(str(error)) from error
    if method == "create" and not args:
        # Odoo takes the values of `create` by position only.
        raise OdooError("builtins.IndexError", "list index out of range")
    return function(*args, **kwargs)


def call_named(env: Env, model: str, method: str, params: dict[str, Any]) -> Any:
    """`/json/2`: all arguments by name, among them `ids` for a method on records."""
    kind = _kind(env, model, method)
    ids = as_ids(params.pop("ids", ()))
    if ids and kind == "model":
        raise parameter_error(f"cannot call {model}.{method} with ids")
    records = model_for(env, model, ids)
    function = getattr(records, method)
    try:
        _signature(function.__func__).bind(records, **params)
    except TypeError as error:
        raise parameter_error(str(error)) from error
    result = function(**params)
    # On this API `create` gives a list also for a single record.
    return [result] if method == "create" and isinstance(result, int) else result


def as_ids(given: Any) -> list[Any]:
    """The ids of a call: a list as it is, a single one as a list of one, nothing as none."""
    if isinstance(given, list | tuple):
        return list(given)
    return [given] if given else []


def _kind(env: Env, model: str, method: str) -> str:
    """Whether the method is on the model or on records. Raises what Odoo raises for a method that cannot be called."""
    records = model_for(env, model)
    if not isinstance(method, str) or method.startswith("_"):
        raise access_error(f"Private methods (such as '{model}.{method}') cannot be called remotely.")
    kind = getattr(getattr(type(records), method, None), "api", None)
    if kind is None:
        raise OdooError("builtins.AttributeError", f"The method '{model}.{method}' does not exist", status=404)
    return str(kind)


@lru_cache(maxsize=256)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)
