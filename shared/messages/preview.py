"""See a text as its recipient will: `python -m shared.messages.preview lead_welcome --var first_name=Luz`.

Without variables the sample values of its meta.yaml are used. Sends nothing; needs the app's settings, but no database.
"""

import argparse
import sys
from collections.abc import Sequence

from shared.errors import PuenteError
from shared.messages import templates, voice
from shared.messages.templates import Rendered, Template

UNSUBSCRIBE_URL = "https://puente.example/api/unsubscribe?t=muestra"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one template, filled in, or the names of all; 1 where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m shared.messages.preview", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", nargs="?", help="the template; without it, all names are listed")
    parser.add_argument("--locale", default=None)
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable, in place of the sample's")
    parser.add_argument("--html", action="store_true", help="print the HTML part instead of the text")
    given = parser.parse_args(arguments)
    if given.name is None:
        _say("\n".join(templates.names()))
        return 0
    try:
        template = templates.load(given.name, given.locale)
        values = dict(template.sample) | dict(pair.split("=", 1) for pair in given.var)
    except (PuenteError, ValueError) as error:
        return _fail(str(error) if isinstance(error, PuenteError) else "--var takes NAME=VALUE")
    return _shown(template, values, html=given.html)


def _shown(template: Template, values: dict[str, object], *, html: bool) -> int:
    url = UNSUBSCRIBE_URL if "email" in template.channels and not template.transactional else ""
    try:
        rendered = templates.render(template, values, unsubscribe_url=url)
    except PuenteError as error:
        return _fail(str(error))
    _say(rendered.html if html else _as_text(template, rendered))
    return 0


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
    sys.exit(main())
