"""A message on the delivery queues that none of ours has written: it makes nothing, and it does not come again."""

from typing import Any

import azure.functions as func
import pytest
from sqlalchemy import select

from functions import system
from shared.outbox import actions
from shared.store.models import Delivery, Target
from shared.store.session import reading


@pytest.mark.parametrize("name", ["deliver", "deliver_bulk"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"target": "made-up"}',
        b'{"target": "x\\nERROR forged line"}',
        b'{"target": ["odoo"]}',
        b'{"target": null}',
        b'{"other": 1}',
        b"[]",
        b"",
        b"\xff\xfe",
        b"[" * 40_000,
        b'{"target": ' + b"9" * 5_000 + b"}",
    ],
    ids=["unknown", "line", "list", "null", "without", "array", "empty", "bytes", "deep", "number"],
)
def test_a_forged_nudge_makes_no_target(world: Any, name: str, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is dropped with a line in the log, and so costs one invocation."""
    del world
    getattr(system, name)(func.QueueMessage(id="1", body=body))
    with reading() as session:
        assert set(session.scalars(select(Target.name))) <= set(actions.targets())
        assert session.scalars(select(Delivery)).all() == []
    assert any("was dropped" in record.message for record in caplog.records)
