"""How many random examples a property test tries: few in every run, many at night (HYPOTHESIS_PROFILE=nightly).

In every run they are the same ones, so that a run that fails says something of the change that it was made for; at night, and
with HYPOTHESIS_PROFILE=random, they are new ones each time.
"""

import os

from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
FEWEST = 5


def examples(count: int) -> int:
    """`count`, as the profile has it: a quarter of it in every run, ten times as many at night."""
    return 10 * count if PROFILE == "nightly" else max(FEWEST, count // 4)


def load_profile() -> None:
    """Register the profiles and load the one named. A busy machine is no failure: examples may take as long as they take."""
    settings.register_profile("ci", deadline=None, max_examples=25, derandomize=True)
    settings.register_profile("random", deadline=None, max_examples=25)
    settings.register_profile("nightly", deadline=None, max_examples=1000)
    settings.load_profile(PROFILE)
