"""(e) What `import function_app` costs over `import azure.functions`: fresh processes, the two in turn.

The first run of each only warms the file cache and the bytecode. The least time is what the imports cost without the noise of
the machine, so the aim is held against that; the median is what a start costs here and now.
"""

import json
import os
import statistics
import subprocess
import sys

from bench.harness import BenchError, Figure, Options
from bench.stack import PROJECT

AIM = 2.0
BASELINE, OURS = "azure.functions", "function_app"
_PROGRAM = "import time; started = time.perf_counter(); import {}; print(time.perf_counter() - started)"


def run(options: Options) -> list[Figure]:
    """Measure."""
    rounds = options.pick(15, 5)
    _seconds(BASELINE), _seconds(OURS)
    pairs = [(_seconds(OURS), _seconds(BASELINE)) for _ in range(rounds)]
    ours, baseline = [1000 * pair[0] for pair in pairs], [1000 * pair[1] for pair in pairs]
    aim = f"ratio at most {AIM:g}"
    least, median = (min(ours), min(baseline)), (statistics.median(ours), statistics.median(baseline))
    return [
        Figure(
            what=f"import of {OURS}, {name}",
            value=values[0],
            baseline=values[1],
            unit="ms",
            against=f"import of {BASELINE}",
            aim=aim,
            met=values[0] <= AIM * values[1],
            details={"runs": rounds},
        )
        for name, values in (("least", least), ("median", median))
    ]


def _seconds(module: str) -> float:
    example = json.loads((PROJECT / "local.settings.example.json").read_text())["Values"]
    finished = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(module)],
        cwd=PROJECT,
        env=os.environ | example | {"PYTHONDONTWRITEBYTECODE": ""},  # or ours alone would be compiled each time
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if finished.returncode != 0:
        raise BenchError(f"import of {module} failed: {finished.stderr[-500:]}")
    return float(finished.stdout)
