"""`python -m tests.oracles`: let the vendors' own packages talk to the sandbox, each by a script of its own.

The packages pin what they like, so they live in an environment under `.local/`, made on first use and again when
`requirements.txt` changes. A script `oracle_<vendor>.py` runs there, with the sandbox's settings in its environment; it ends
with an error where the stand-in is not what the vendor's package expects.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

from sandbox.testing import RunningSandbox
from tests.conftest import ROOT

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"


def python() -> Path:
    """The interpreter of the environment, with everything installed."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    place = ROOT / ".local" / f"oracles-{digest}"
    if not (place / "complete").exists():
        venv.create(place, with_pip=True, clear=True)
        install = [place / "bin/python", "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS]
        subprocess.run(install, check=True)
        (place / "complete").touch()
    return place / "bin/python"


def main() -> int:
    """Run each script against a sandbox of its own; how many have failed."""
    program, failed = python(), []
    for script in sorted(HERE.glob("oracle_*.py")):
        with RunningSandbox() as sandbox:
            environment = {**os.environ, **sandbox.settings(), "SANDBOX_URL": sandbox.url}
            done = subprocess.run([program, script], env=environment, check=False)
        outcome = "good" if done.returncode == 0 else "FAILED"
        sys.stdout.write(f"{script.stem.removeprefix('oracle_')}: {outcome}\n")
        sys.stdout.flush()
        failed += [script.name] if done.returncode else []
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
