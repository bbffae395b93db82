"""`python -m shared.shadow`: what shadow mode kept back, and how it differs from what the replaced system did."""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from shared import clock, shadow_mode
from shared.commands import ODOO, start
from shared.errors import ConfigurationError, PuenteError
from shared.settings import get_settings
from shared.shadow import acts, kept_back, report
from shared.shadow.compare import Counts
from shared.store.session import long_statements

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
SAME, DIFFERENT, UNREADABLE = 0, 1, 2


@long_statements()
def main(arguments: Sequence[str] | None = None) -> int:
    """`compare`: 0 where nothing differs, 1 where something does, 2 where it cannot be told. The others: 0, or 2."""
    asked = _parser().parse_args(arguments)
    try:
        get_settings()
        return int(asked.run(asked))
    except (PuenteError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.shadow", description="Shadow mode: see docs/cutover.md.")
    commands = parser.add_subparsers(dest="command", required=True)
    about = "which targets are covered, how much was kept back, what is due now"
    commands.add_parser("status", help=about).set_defaults(run=_status)
    compare = commands.add_parser(_compare.__name__[1:], help="what we would have done with what the replaced system did")
    compare.set_defaults(run=_compare)
    source = compare.add_mutually_exclusive_group(required=True)
    source.add_argument("--log", type=Path, help="a log of the replaced system")
    source.add_argument("--vendor", choices=report.VENDORS, help="the vendor's records as they are")
    compare.add_argument("--format", help=f"of the log: {', '.join(sorted(acts.readers()))} (by its ending)")
    compare.add_argument("--only", metavar="EFFECT", nargs="+", default=(), help="only these: email, voice, kommo.lead, ...")
    compare.add_argument("--since", type=_moment, help="only what happened then or later, ISO 8601; without offset: UTC")
    compare.add_argument("--until", type=_moment, help="only what happened before")
    compare.add_argument("--tolerance", type=_length, default=timedelta(minutes=15), help="so far apart is the same (15m)")
    compare.add_argument("--rename", metavar="OLD=NEW", nargs="+", default=(), help="names of messages there, and ours")
    upcoming = commands.add_parser("next", help="who gets what next, and which journeys begin")
    upcoming.set_defaults(run=_next)
    upcoming.add_argument("--within", type=_length, default=timedelta(days=7), help="how far ahead (7d)")
    send = commands.add_parser("send", help="send what was kept back; without --yes it only says what")
    send.set_defaults(run=_send)
    send.add_argument("--target", required=True, help="of this target")
    send.add_argument("--action", help="only this action of it")
    send.add_argument("--delivery", type=int, nargs="+", default=(), help="only these deliveries")
    send.add_argument("--yes", action="store_true", help="do it")
    send.add_argument("--actor", default="operator", help="who does it, for the action log")
    return parser


def _status(_asked: argparse.Namespace) -> int:
    _print(kept_back.status())
    return SAME


def _compare(asked: argparse.Namespace) -> int:
    counts = Counts()
    if asked.vendor:
        _print(report.with_odoo(counts))
    else:
        pairs = dict(one.split("=", 1) for one in asked.rename if "=" in one)
        facts = {"since": asked.since, "until": asked.until, "tolerance": asked.tolerance, "renamed": pairs}
        form = asked.format or asked.log.suffix.lstrip(".")
        _print(report.with_log(asked.log, form, report.Asked(only=frozenset(asked.only), **facts), counts))
    print(report.total(counts))
    return DIFFERENT if counts.differences else SAME


def _next(asked: argparse.Namespace) -> int:
    _print(kept_back.upcoming(asked.within))
    return SAME


def _send(asked: argparse.Namespace) -> int:
    if asked.yes and shadow_mode.covers(asked.target):
        raise ConfigurationError(f"{shadow_mode.SETTING} covers {asked.target}: it would be kept back again")
    count = 0
    for row in kept_back.chosen(asked.target, asked.action, asked.delivery):
        count += 1
        print(kept_back.send(row, asked.actor) if asked.yes else kept_back.shown(row))
    print(f"{count:,} deliveries" + ("" if asked.yes else "; nothing was sent: add --yes"))
    return SAME


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _moment(text: str) -> datetime:
    return clock.as_utc(datetime.fromisoformat(text))


def _length(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 90s, 15m, 6h or 7d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


if __name__ == "__main__":
    start(*(ODOO if "--vendor" in sys.argv else ()))
    sys.exit(main())
