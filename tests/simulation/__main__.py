"""`python -m tests.simulation [PROCESSES]`: the year of SIMULATION_SEED with SIMULATION_PEOPLE, by one process or by several.

Nobody in the year has to do with anybody else, so its people can be shared out. Each part is a year of its own with a seed of
its own, which follows from the one given; a part that fails prints the seed and the number that replay it, in one process.
"""

import os
import subprocess
import sys

PARTS_OF_A_SEED = 1000


def main() -> int:
    """Exit code 0 where no law was broken in any part."""
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    people = int(os.environ.get("SIMULATION_PEOPLE") or 10_000)
    seed = os.environ.get("SIMULATION_SEED") or "1"
    if processes == 1:
        parts = [(seed, people)]
    else:
        shares = [people // processes + (part < people % processes) for part in range(processes)]
        parts = [(str(int(seed) * PARTS_OF_A_SEED + part), share) for part, share in enumerate(shares)]
    running = [_begun(*part) for part in parts]
    return max(process.wait() for process in running)


def _begun(seed: str, people: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "tests/simulation", "-q", "-s", "-k", "test_year"]
    return subprocess.Popen(command, env=os.environ | {"SIMULATION_SEED": seed, "SIMULATION_PEOPLE": str(people)})


if __name__ == "__main__":
    sys.exit(main())
