"""What the deployed code can do to the outside world is known as soon as the app is imported, in whichever worker."""

import json
import subprocess
import sys

import pytest

from devhost.testing import PROJECT
from shared.errors import PermanentError
from shared.outbox import actions
from shared.outbox.actions import Action, Kind
from shared.outbox.policy import TargetPolicy
from tests.conftest import ENVIRONMENT
from tests.support.vendors import registered


def test_a_worker_that_has_handled_nothing_knows_every_action() -> None:
    """Deliveries are carried out on instances of their own: they must not need a flow to have run there first."""
    code = "import json, function_app; from shared.outbox import actions; print(json.dumps(sorted(actions.known())))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    known = [".".join(name) for name in json.loads(done.stdout)]
    assert {"odoo.opportunity", "odoo.contact", "alerts.webhook"} <= set(known)


def test_unknown_action_is_permanent() -> None:
    """What nothing deployed can do is said so, with a reason to filter by."""
    with pytest.raises(PermanentError, match=r"fax\.send") as caught:
        actions.action("fax", "send")
    assert caught.value.reason == "unknown-action"


def test_a_target_without_limits_gets_the_default_ones() -> None:
    """An action may be registered without its target."""
    with registered(Action(target="fax", name="send", kind=Kind.MESSAGE, execute=lambda _batch: {})):
        assert "fax" in actions.targets()
        assert actions.policy("fax") == TargetPolicy()


def test_limits_are_asked_each_time() -> None:
    """A changed setting counts at once."""
    rates = iter((1.0, 2.0))
    with registered(Action(target="fax", name="send", kind=Kind.MESSAGE, execute=lambda _batch: {})):
        actions.register_target("fax", lambda: TargetPolicy(batches_per_second=next(rates)))
        assert [actions.policy("fax").interval_seconds for _ in range(2)] == [1.0, 0.5]
