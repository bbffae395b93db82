"""`python -m shared.importer NAME [SOURCE]`: bring in what the replaced systems have. See docs/moving-in.md."""

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.commands import start
from shared.errors import ConfigurationError, PuenteError
from shared.importer.declared import FIRST, importers
from shared.importer.frame import Importer, Options, Problem, Summary
from shared.importer.move import Move
from shared.readers import sheet_cells
from shared.store.session import long_statements

ADOPT = "odoo-leads"


@long_statements()
def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every row was taken, 1 where some were left out (see the file of problems), 2 where it could not go on."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    known = importers()
    options = _parser(known).parse_args(given)
    if not given:
        print(_list(known))
        return 0
    done: dict[str, Summary] = {}
    try:
        for summary in _run(options, known, done):
            done[summary.kind] = summary
    except (PuenteError, KeyboardInterrupt) as error:
        return _stopped(error, done)
    left_out = sum(summary.problems for summary in done.values())
    if options.dry_run:
        print("This was a dry run: nothing was changed.")
    if left_out:
        print(f"{left_out} rows were left out; {options.problems} says which and why.")
    return 1 if left_out else 0


def _parser(known: Mapping[str, Importer]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.importer", description="Brings in what the replaced systems have.")
    parser.add_argument("words", nargs="*", metavar="NAME [SOURCE]", help=f"{', '.join(known)}; without a name: {FIRST}")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, change nothing")
    parser.add_argument("--only", metavar="KIND", nargs="+", help="only these kinds of rows")
    parser.add_argument("--after", metavar="KIND:LINE", help="pass over what an earlier run has taken in")
    parser.add_argument("--adopt-leads", action="store_true", help=f"afterwards, the importer {ADOPT}")
    parser.set_defaults(flags=[])
    parser.add_argument("--problems", type=Path, default=Path("import-problems.csv"), help="the file for rows left out")
    for name, text in sorted({flag for importer in known.values() for flag in importer.flags.items()}):
        parser.add_argument(f"--{name}", action="append_const", dest="flags", const=name, help=text)
    return parser


def _run(options: argparse.Namespace, known: Mapping[str, Importer], done: dict[str, Summary]) -> Iterator[Summary]:
    """Run what the command names, kind by kind; the summary after each batch. `done` is for whoever looks meanwhile."""
    with options.problems.open("a" if options.after else "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if not options.after:
            writer.writerow(["kind", "line", "which", "why"])
        for importer, source in _chosen(options.words, known, adopt=options.adopt_leads):
            move = Move(importer, Options(source=source, dry_run=options.dry_run, flags=frozenset(options.flags)))
            for kind, after in _kinds(importer, options.only, options.after):
                done[kind] = Summary(kind)
                for summary, problems in move.kind(kind, after):
                    writer.writerows(_cells(problem) for problem in problems)
                    file.flush()
                    _progress(summary, end="\r" if sys.stdout.isatty() else "")
                    yield summary
                _progress(done[kind], end="\n")


def _cells(problem: Problem) -> list[str | int]:
    """A row of the file of problems; whoever looks at it opens it as a spreadsheet, and its words are those of others."""
    return [problem.kind, problem.line, sheet_cells.written(problem.what), sheet_cells.written(problem.why)]


def _chosen(words: Sequence[str], known: Mapping[str, Importer], *, adopt: bool) -> Iterator[tuple[Importer, str]]:
    """The importers that the words name, each with its source. Words without a name are the source of `FIRST`."""
    name, *rest = words if words and words[0] in known else (FIRST, *words)
    if len(rest) > 1:
        raise ConfigurationError(f"there is no importer {words[0]!r}; there are {', '.join(known)}")
    if words:
        yield known[name], "".join(rest)
    if adopt:
        yield known[ADOPT], ""


def _kinds(importer: Importer, only: Sequence[str] | None, after: str | None) -> Iterator[tuple[str, int]]:
    """The kinds to import, each with the line up to which its rows are passed over; a kind before that of `after` wholly.

    Raises:
        ConfigurationError: there is no such kind, or no number behind it.
    """
    kinds, (kind, _, line) = list(importer.kinds), (after or "").rpartition(":")
    if unknown := sorted({*(only or ()), *([kind] if after else ())} - set(kinds)):
        raise ConfigurationError(f"{importer.name} has no {', '.join(map(repr, unknown))}; it has {', '.join(kinds)}")
    if after and not line.isdecimal():
        raise ConfigurationError("--after is a kind and a line, such as contacts:5000")
    reached = kinds.index(kind) if after else 0
    for place, one in enumerate(kinds):
        if only is None or one in only:
            yield one, sys.maxsize if place < reached else int(line or 0) if place == reached else 0


def _progress(summary: Summary, *, end: str) -> None:
    if end:
        numbers = (
            f"{summary.read:>9,} read {summary.created:>9,} new {summary.changed:>9,} changed {summary.problems:>6,} left out"
        )
        print(f"{summary.kind:<18}{numbers}", end=end, flush=True)


def _stopped(error: BaseException, done: Mapping[str, Summary]) -> int:
    """Say why it stopped and how to go on."""
    print(f"\n{error or 'Stopped.'}", file=sys.stderr)
    if done:
        last = list(done.values())[-1]
        print(
            f"What was taken in stays: run the same command again, or pass over it with --after '{last.kind}:{last.read}'.",
            file=sys.stderr,
        )
    return 2


def _list(known: Mapping[str, Importer]) -> str:
    lines = [f"  {f'{one.name} SOURCE' if one.source else one.name:<22}{one.about}" for one in known.values()]
    sources = [f"  {one.name}: SOURCE is {one.source}" for one in known.values() if one.source]
    return "\n".join(["python -m shared.importer NAME [SOURCE] [--dry-run]", *lines, *sources])


def _needed(words: Sequence[str]) -> tuple[str, ...]:
    """The settings without which the importers that the words name cannot run."""
    named = {ADOPT} if "--adopt-leads" in words else set[Any]()
    return tuple(dict.fromkeys(name for one in importers().values() if one.name in {*named, *words} for name in one.needs))


if __name__ == "__main__":
    start(*_needed(sys.argv[1:]))
    sys.exit(main())
