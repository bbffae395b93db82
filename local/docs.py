"""`make docs`: what is derived from the settings and from the flows' declarations, written into documents and for Bicep.

`python -m local.docs` writes what has changed. With `--check` it writes nothing, names what is out of date, and ends with 1.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local import bicep_settings, settings_doc

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE_FLOW = ROOT / "tests/structure/outsider"
SHOWN = re.compile(r"(\*\*`([\w./]+)`\*\*\n\n```\w+\n).*?(```\n)", re.DOTALL)
PAYLOAD = re.compile(r"(<!-- fields of `([\w.-]+)` -->\n)(?:\|.*\n)*\n?")
START, END = "<!-- made by `make docs` -->", "<!-- end of what `make docs` makes -->"
SCHEDULES = ("DISPATCH", "RETRY_ERRORED", "COLLECT_POISON", "WATCH", "RECONCILE", "RETENTION")
FLOWS_HEAD = """# Flows

What each flow declares about itself ([add-a-flow.md](add-a-flow.md)); this page is made from the declarations by `make docs`.
A flow that is optional can be removed with its folder.

| Flow | What it is | Queues | Tables | Outside systems | Journeys | Requires |
|---|---|---|---|---|---|---|
"""


def documents() -> dict[str, str]:
    """The whole text of every derived file, by its path in the project. The same declarations always make the same texts."""
    return {
        "README.md": between_marks(_text("README.md"), functions_table()),
        "docs/settings.md": settings_doc.document(),
        "docs/flows.md": flows_page(),
        "docs/add-a-flow.md": with_files(_text("docs/add-a-flow.md")),
        "local.settings.example.json": settings_doc.example(),
        "infra/flows.json": infrastructure(),
        "infra/main.bicepparam": bicep_settings.parameters(_text("infra/main.bicepparam")),
        "docs/deploy.md": between_marks(_text("docs/deploy.md"), bicep_settings.secrets_table()),
        "docs/odoo.md": between_marks(_text("docs/odoo.md"), odoo_fields()),
        "docs/sandbox.md": between_marks(_text("docs/sandbox.md"), stand_ins()),
        "docs/webhooks.md": with_payloads(_text("docs/webhooks.md")),
        "host.json": host_file((ROOT / "host.json").read_text(encoding="utf-8")),
    }


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def out_of_date() -> dict[str, str]:
    """Those of `documents` that differ from the files."""
    return {name: text for name, text in documents().items() if not _equals(ROOT / name, text)}


def between_marks(page: str, made: str) -> str:
    """The page with `made` between its two marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, start, rest = page.partition(START)
    _old, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"the page lacks {START!r} or {END!r}")
    return f"{before}{START}\n{made}{END}{after}"


def with_files(page: str) -> str:
    """The page with the text of a file in each code block that follows the file's name in bold (``**`path`**``)."""
    return SHOWN.sub(lambda found: found[1] + shown_file(found[2]).read_text(encoding="utf-8") + found[3], page)


def shown_file(path: str) -> Path:
    """Where the file is of which the guide says that it belongs to `path` in the reader's project."""
    if path == "tests/flows/test_loyalty.py":
        return EXAMPLE_FLOW / "try_loyalty.py"
    if path == "tests/lab/waiting/loyalty.py":
        return EXAMPLE_FLOW / "waiting.py"
    if path.startswith("tests/payloads/"):
        return EXAMPLE_FLOW / path.rpartition("/")[2]
    return EXAMPLE_FLOW / path.removeprefix("functions/").removeprefix("shared/store/migrations/versions/")


def functions_table() -> str:
    """The README's table: every function of the app in the order of the flows, described by its docstring's first sentence."""
    import function_app

    function_app.app.functions_bindings = None  # it can be asked only once otherwise
    head = "| Function | Trigger | What it does |\n|---|---|---|\n"
    return head + "".join(_function_row(function) for function in function_app.app.get_functions())


def _function_row(function: Any) -> str:
    text = " ".join((function.get_user_function().__doc__ or "").split()).replace("|", "\\|")
    sentence = text.partition(". ")[0].rstrip(".")
    return f"| `{function.get_function_name()}` | {_trigger(function.get_trigger().get_dict_repr())} | {sentence} |\n"


def _trigger(binding: dict[str, Any]) -> str:
    if binding["type"] == "queueTrigger":
        return f"queue `{binding['queueName']}`"
    if binding["type"] == "timerTrigger":
        return f"timer `{binding['schedule'].strip('%')}`"
    methods = ", ".join(method.value for method in binding.get("methods") or ())
    return f"{methods or 'any'} `/{binding['route']}`"


def flows_page() -> str:
    """docs/flows.md: one row for each flow."""
    from shared import flows

    return FLOWS_HEAD + "".join(_flow_row(flow) for flow in flows.installed())


def _flow_row(flow: Any) -> str:
    page = f" More: [{flow.name}.md]({flow.name}.md)." if (ROOT / f"docs/{flow.name}.md").exists() else ""
    about = f"**{flow.title}.** {flow.about}" + (" Optional." if flow.optional else "") + page
    lists = (flow.queues, _tables(flow), _systems(flow), _journeys(flow), flow.requires)
    return f"| `{flow.name}` | {about} | " + " | ".join(", ".join(f"`{one}`" for one in names) for names in lists) + " |\n"


def _tables(flow: Any) -> list[str]:
    from shared import flows
    from shared.store.models import Base

    flows.load_tables()
    classes = [mapper.class_ for mapper in Base.registry.mappers]
    return sorted(one.__tablename__ for one in classes if one.__module__ in flow.tables)


def _systems(flow: Any) -> list[str]:
    """The targets of its syncs and effects, and its other clients."""
    from shared import flows

    parts = [part for kind in ("syncs", "effects") for owner, part in flows.parts_by_flow(kind) if owner is flow]
    actions = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
    targets = {getattr(one, "action", one).target for one in actions} | set(flow.targets)
    clients = {client.name.lower() for owner, client in flows.parts_by_flow("clients") if owner is flow}
    return sorted(targets | clients)


def _journeys(flow: Any) -> Iterator[str]:
    from shared import flows

    if flow.has_journeys:
        folder = flows.folders_by_flow("journeys")[flow.name]
        yield from sorted(path.stem for path in folder.glob("*.yaml"))


def infrastructure() -> str:
    """infra/flows.json: the queues of the flows, which the template makes, and the functions with instances of their own."""
    import function_app
    from shared import flows

    function_app.app.functions_bindings = None  # it can be asked only once otherwise
    functions: list[Any] = function_app.app.get_functions()
    kinds: dict[str, str] = {one.get_function_name(): one.get_trigger().get_dict_repr()["type"] for one in functions}
    document = {
        "queues": sorted(flows.queues()),
        "queueFunctions": sorted(name for name, kind in kinds.items() if kind == "queueTrigger"),
        "timers": sorted(name for name, kind in kinds.items() if kind == "timerTrigger"),
    }
    return json.dumps(document, indent=2) + "\n"


def odoo_fields() -> str:
    """The table of docs/odoo.md: which fact goes to which field of Odoo's leads, where ODOO_FIELD_MAP names no other."""
    from shared.setting_groups import DEFAULT_ODOO_FIELDS

    return "| Fact | Field |\n|---|---|\n" + "".join(f"| `{fact}` | `{name}` |\n" for fact, name in DEFAULT_ODOO_FIELDS.items())


def stand_ins() -> str:
    """The table of docs/sandbox.md: for whom the sandbox stands in, and which flows ask for it."""
    from shared import flows

    users: dict[str, list[str]] = {}
    for flow, stand_in in flows.parts_by_flow("stand_ins"):
        users.setdefault(stand_in.name, []).append(f"`{flow.name}`")
    rows = (f"| `{name}` | {', '.join(users[name])} |\n" for name in sorted(users))
    return "| Stand-in | Flows that use the system |\n|---|---|\n" + "".join(rows)


def with_payloads(page: str) -> str:
    """docs/webhooks.md with the table of each payload behind the line that names it (``<!-- fields of `name` -->``)."""
    return PAYLOAD.sub(lambda found: found[1] + payload_table(found[2]) + "\n", page)


def payload_table(event: str) -> str:
    """The fields of an event's payload: what is needed, the longest text that is kept, and what each means.

    Raises:
        ValueError: no webhook takes such events, or a field says nothing of its meaning.
    """
    from shared import flows
    from shared.intake.endpoint import webhook_routes

    routes = webhook_routes(flows.parts("functions"))
    found = [webhook for route in routes for webhook in route.webhooks.values() if webhook.name == event]
    if not found:
        raise ValueError(f"docs/webhooks.md: no webhook takes {event!r}")
    schema = found[0].model.model_json_schema()
    rows = (_field_row(event, name, one, schema) for name, one in schema["properties"].items())
    return "| Field | Needed | Limit | Meaning |\n|---|---|---|---|\n" + "".join(rows)


def _field_row(event: str, name: str, schema: dict[str, Any], whole: dict[str, Any]) -> str:
    if "description" not in schema:
        raise ValueError(f"{event}: the field {name!r} has no description: add one to the payload")
    longest = max(_lengths(schema), default=None)
    limit = "" if longest is None else f"{longest:,}"
    return f"| `{name}` | {'yes' if name in whole.get('required', ()) else ''} | {limit} | {schema['description']} |\n"


def _lengths(schema: dict[str, Any]) -> list[int]:
    return [one["maxLength"] for one in (schema, *schema.get("anyOf", ())) if "maxLength" in one]


def host_file(text: str) -> str:
    """host.json with the log levels of Azure's host: its own lines from warnings on, requests, and whatever our code logs.

    What a function logs has a category of its own (`Function.<name>.User`), below that of the host's lines about it
    (`Function.<name>`), so each function is named; LOG_LEVEL alone decides about ours.
    """
    import function_app

    function_app.app.functions_bindings = None  # it can be asked only once otherwise
    functions: list[Any] = function_app.app.get_functions()
    names: list[str] = sorted(one.get_function_name() for one in functions)
    document = json.loads(text)
    ours = {f"Function.{name}.User": "Information" for name in names}
    document["logging"]["logLevel"] = {"default": "Warning", "Host.Results": "Information", "Function": "Warning"} | ours
    return json.dumps(document, indent=2) + "\n"


def _equals(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def _complete_environment() -> None:
    """The app starts with the example's values; none of them appears in a document."""
    schedules = {f"{name}_SCHEDULE": "0 0 0 1 1 *" for name in SCHEDULES}
    for name, value in (settings_doc.LOCAL | schedules).items():
        os.environ.setdefault(name, value)


def main(check: bool) -> int:  # noqa: FBT001  # the one switch of the command
    """Write, or only compare; returns the exit code."""
    _complete_environment()
    changed = out_of_date()
    for name, text in changed.items():
        print(f"{name} is out of date; run `make docs`" if check else f"{name} written")
        if not check:
            (ROOT / name).write_text(text, encoding="utf-8")
    return int(check and bool(changed))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
