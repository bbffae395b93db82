"""(f) Peak memory of the host after the burst, against an idle one that has just started."""

from bench.burst import measured
from bench.harness import Figure, Options


def run(options: Options) -> list[Figure]:
    """Measure, or take what the burst has measured."""
    burst = measured(options)
    figure = Figure(
        what="peak memory of the host", value=burst.peak_mib, baseline=burst.idle_mib, unit="MiB", against="idle host"
    )
    return [figure]
