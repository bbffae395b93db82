"""See a text as its recipient will: `python -m shared.messages.preview lead_welcome --var first_name=Luz`.

Without variables the sample values of its meta.yaml are used. It shows the files, not what was published in the console; sends
nothing, and needs neither settings nor a database.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from html import escape

from shared.commands import start
from shared.errors import PuenteError
from shared.messages import samples, template_sources, templates, voice
from shared.messages.templates import Rendered, Template

# No script, no form, no link leads anywhere, nothing is fetched but pictures: a text from Notion may hold anything.
POLICY = "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_PAGE = """<!doctype html>
<html lang="{locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="robots" content="noindex">
<title>{name}</title>
<style>
body {{ margin: 0 auto; max-width: 46rem; padding: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; color: #1f2933 }}
iframe {{ width: 100%; height: 70vh; border: 1px solid #d9dee4 }}
pre {{ white-space: pre-wrap; padding: 1rem; background: #f4f5f7 }}
</style>
</head>
<body>
<h1>{subject}</h1>
<p>{facts}</p>
{parts}
</body>
</html>
"""


def page(template: Template, rendered: Rendered) -> str:
    """A page that shows a text in a browser. The mail stands in a frame in which nothing runs, whoever wrote it."""
    parts = [f'<iframe sandbox title="HTML" srcdoc="{escape(rendered.html)}"></iframe>'] if rendered.html else []
    parts += [f"<pre>{escape(rendered.text)}</pre>"]
    if rendered.content_variables:
        parts += [f"<p>WhatsApp: {escape(', '.join(f'{{{{{n}}}}} {v}' for n, v in rendered.content_variables.items()))}</p>"]
    return _PAGE.format(
        locale=escape(template.locale),
        # The header alone can put the page itself into a sandbox.
        policy=escape(POLICY.removeprefix("sandbox; ")),
        name=escape(template.name),
        subject=escape(rendered.subject or template.name),
        facts=escape(f"{template.name} ({template.locale}): {', '.join(template.channels)}, {template.kind}"),
        parts="\n".join(parts),
    )


def table(names: Iterable[str]) -> str:
    """The templates with the variables that they take, as Markdown (docs/messages.md)."""
    lines = ["| Template | Channels | Kind | Variables |", "|---|---|---|---|"]
    for template in map(template_sources.of_repository, names):
        optional = templates.optional(template)
        needed = [f"`{name}`" for name in sorted(templates.variables(template) - optional)]
        event = ", ".join([*needed, *(f"(`{name}`)" for name in sorted(optional))]) or "none"
        lines.append(f"| `{template.name}` | {', '.join(template.channels)} | {template.kind} | {event} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one template, filled in, or the names of all; 1 where that cannot be done."""
    given = _parser().parse_args(arguments)
    if given.name is None:
        _say(table(templates.names()) if given.table else "\n".join(templates.names()))
        return 0
    try:
        template = template_sources.of_repository(given.name, given.locale)
        rendered = samples.fill(template, dict(pair.split("=", 1) for pair in given.var))
    except PuenteError as error:
        return _fail(str(error))
    except ValueError:
        return _fail("--var takes NAME=VALUE")
    _say(rendered.html if given.html else _as_text(template, rendered))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.messages.preview", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", nargs="?", help="the template; without it, all names are listed")
    parser.add_argument("--locale", default=None)
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable, in place of the sample's")
    parser.add_argument("--html", action="store_true", help="print the HTML part instead of the text")
    parser.add_argument("--table", action="store_true", help="without a name: all templates with their variables, as Markdown")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


def _as_text(template: Template, rendered: Rendered) -> str:
    head = [f"template: {template.name} ({template.locale})", f"channels: {', '.join(template.channels)}, {template.kind}"]
    if rendered.subject:
        head.append(f"subject:  {rendered.subject}")
    if rendered.content_variables:
        head.append(f"whatsapp: {dict(rendered.content_variables)}")
    text = voice.twiml(rendered.text) if template.channels == ("voice",) else rendered.text
    return "\n".join([*head, "", text])


if __name__ == "__main__":
    start()
    sys.exit(main())
