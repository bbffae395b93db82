"""What all benches share: a figure beside its baseline, the table, the results file. Nothing in here times anything."""

import json
import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shared import clock

RESULTS = Path(__file__).resolve().parent / "results"


class BenchError(RuntimeError):
    """What was measured did not do its work, so its time says nothing."""


@dataclass(frozen=True)
class Options:
    """How much to measure: `quick` takes small amounts and one round, for a look; its ratios vary more.

    `huge`: ten million rows where a bench has that choice.
    """

    quick: bool = False
    huge: bool = False

    def pick(self, whole: int, quick: int) -> int:
        """The amount for this run."""
        return quick if self.quick else whole


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. `met` says whether `aim` is reached, where there is one; `details` go to the file only."""

    what: str
    value: float
    baseline: float
    unit: str
    against: str
    aim: str = ""
    met: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """`value` over `baseline`."""
        return self.value / self.baseline if self.baseline else math.nan


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def machine() -> dict[str, Any]:
    """What a reader must know of the machine to judge the absolute numbers."""
    return {
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def table(results: dict[str, list[Figure]]) -> str:
    """The figures of all benches, aligned."""
    rows: list[tuple[str, ...]] = [("bench", "figure", "value", "baseline", "ratio", "against", "aim")]
    rows += [_row(bench, figure) for bench, figures in results.items() for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _row(bench: str, figure: Figure) -> tuple[str, ...]:
    verdict = {None: "", True: ": met", False: ": MISSED"}[figure.met]
    return (
        bench,
        figure.what,
        f"{_rounded(figure.value)} {figure.unit}",
        f"{_rounded(figure.baseline)} {figure.unit}",
        f"{figure.ratio:.2f}",
        figure.against,
        figure.aim + verdict,
    )


def _rounded(number: float) -> str:
    """Three figures that count, or all of an integer part that is longer."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"  # noqa: PLR2004  # three figures


def _padded(row: tuple[str, ...], widths: list[int]) -> list[str]:
    right = range(2, 5)  # numbers
    return [
        cell.rjust(width) if n in right else cell.ljust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def write(results: dict[str, list[Figure]], facts: dict[str, Any], options: Options) -> Path:
    """Write everything to `bench/results/<time>.json`; the file."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{clock.now():%Y%m%dT%H%M%SZ}.json"
    figures = {
        bench: [asdict(figure) | {"ratio": round(figure.ratio, 4)} for figure in found] for bench, found in results.items()
    }
    document = {"machine": facts, "quick": options.quick, "arguments": sys.argv[1:], "benches": figures}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path
