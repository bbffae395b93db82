"""`python -m shared.journeys <name>`: the forecast of a journey on the command line (`make forecast JOURNEY=<name>`)."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from shared.commands import start
from shared.errors import PuenteError
from shared.journeys import forecast, forecast_lines, load, picture
from shared.journeys.definition import Journey
from shared.store.session import reading


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the forecast; 1 with the reason where that cannot be done."""
    asked = _parser().parse_args(arguments)
    try:
        sys.stdout.write(_output(asked) + "\n")
    except (PuenteError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.journeys", description="Who would get what, and when.")
    parser.add_argument("journey", help="its name")
    parser.add_argument("--all", action="store_true", help="everybody who is in it now, from the database")
    parser.add_argument("--enrolment", type=int, help="one who is in it now")
    parser.add_argument("--data", type=json.loads, default={}, help="facts of somebody who enters, as JSON")
    parser.add_argument("--at", type=datetime.fromisoformat, help="when they enter (now), ISO 8601; without offset: UTC")
    parser.add_argument("--assume", action="append", default=[], metavar="STEP=RESULT", help="for example call=no-answer")
    parser.add_argument("--definition", type=Path, help="a changed definition to compare with the running one")
    parser.add_argument("--svg", type=Path, help="where to write the picture")
    return parser


def _output(asked: argparse.Namespace) -> str:
    assume = dict(one.split("=", 1) for one in asked.assume)
    changed = _changed(asked.definition) if asked.definition else None
    pairs = _pairs(asked)
    lines = [line for journey, who in pairs for line in forecast.forecast(journey, who, assume)]
    if asked.svg:
        asked.svg.write_text(picture.picture_of(load.journey(asked.journey), lines), encoding="utf-8")
    if changed is None:
        return forecast_lines.table(lines)
    then = [line for _journey, who in pairs for line in forecast.forecast(changed, who, assume)]
    return "\n\n".join((forecast_lines.table(then), forecast_lines.changes_table(forecast.compare(lines, then))))


def _changed(path: Path) -> Journey:
    changed = load.parse(path.read_text(encoding="utf-8"), str(path))
    if missing := load.missing_templates(changed, str(path)):
        raise load.DefinitionError("\n".join(missing))
    return changed


def _pairs(asked: argparse.Namespace) -> list[tuple[Journey, forecast_lines.Traveller]]:
    journey = load.journey(asked.journey)
    if not asked.all and asked.enrolment is None:
        return [(journey, forecast.newcomer(asked.data, at=asked.at))]
    with reading() as session:
        return forecast.enrolled(session, journey.name, asked.enrolment)


if __name__ == "__main__":
    start()
    sys.exit(main())
