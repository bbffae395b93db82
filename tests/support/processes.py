"""Programs in processes of their own, which have imported nothing yet."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ENVIRONMENT

PROJECT = Path(__file__).resolve().parents[2]


def in_a_new_process(program: str, **environment: str) -> str:
    """What a program prints in a process that has imported nothing yet."""
    known = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "ODOO_URL")}
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env=known | ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.stdout if finished.returncode == 0 else finished.stderr
