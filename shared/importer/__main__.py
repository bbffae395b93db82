"""`python -m shared.importer SOURCE`: move the old record in. See docs/import.md."""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from shared.commands import ODOO, start
from shared.errors import PuenteError
from shared.importer import adopt
from shared.importer.load import Import, Problem, Summary
from shared.importer.rows import KINDS
from shared.importer.sources import open_source
from shared.settings import get_settings
from shared.store.session import long_statements
from shared.vendors.odoo.client import OdooClient


@long_statements()
def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every row was taken, 1 where some were left out (see the file of problems), 2 where nothing could be read."""
    options = _parser().parse_args(arguments)
    try:
        summaries = list(_run(options))
    except PuenteError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    left_out = sum(summary.problems for summary in summaries)
    if options.dry_run:
        print("This was a dry run: nothing was changed.")
    if left_out:
        print(f"{left_out} rows were left out; {options.problems} says which and why.")
    return 1 if left_out else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.importer", description="Moves the record of the old system in.")
    parser.add_argument("source", nargs="?", help="a folder of CSV files, or the SQLAlchemy URL of the old database")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, change nothing")
    parser.add_argument("--only", choices=KINDS, nargs="+", default=KINDS, help="only these kinds")
    parser.add_argument("--adopt-leads", action="store_true", help="make opportunities of the leads that Odoo has already")
    parser.add_argument("--problems", type=Path, default=Path("import-problems.csv"), help="the file for rows left out")
    return parser


def _run(options: argparse.Namespace) -> Iterator[Summary]:
    with options.problems.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "line", "which", "why"])
        if options.source:
            moving = Import(open_source(options.source), dry_run=options.dry_run)
            for kind in KINDS:
                if kind in options.only:
                    yield _follow(moving.kind(kind), writer, Summary(kind))
        if options.adopt_leads:
            odoo = OdooClient.from_settings(get_settings())
            yield _follow(adopt.leads(odoo, dry_run=options.dry_run), writer, Summary("odoo leads"))


def _follow(batches: Iterator[tuple[Summary, list[Problem]]], writer: Any, nothing: Summary) -> Summary:
    """Write down problems and show progress; the summary at the end, `nothing` where there was nothing to read."""
    summary = nothing
    for so_far, problems in batches:
        summary = so_far
        writer.writerows([problem.kind, problem.line, problem.what, problem.why] for problem in problems)
        _progress(summary, end="\r" if sys.stdout.isatty() else "")
    _progress(summary, end="\n")
    return summary


def _progress(summary: Summary, *, end: str) -> None:
    if end:
        numbers = (
            f"{summary.read:>9,} read {summary.created:>9,} new {summary.changed:>9,} changed {summary.problems:>6,} left out"
        )
        print(f"{summary.kind:<18}{numbers}", end=end, flush=True)


if __name__ == "__main__":
    start(*(ODOO if "--adopt-leads" in sys.argv else ()))
    sys.exit(main())
