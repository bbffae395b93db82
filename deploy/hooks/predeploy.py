"""azd's hook predeploy; what it does stands in deploy/steps.py. azd installs requirements.txt of this folder for it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.steps import run

sys.exit(run("predeploy"))
