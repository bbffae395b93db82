"""The demonstration's carts in the reports: two are reminded of, one is bought, and the day is counted once more."""

import runpy
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from local import lead, reminded
from shared.store.figure_models import DayFigure, DayFold
from shared.store.session import reading, transact
from shared.watch import day_figures

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
REMINDED = {"cart_id": "c", "state": "open", "messages": [{"status": "sent"}], "recovered": False}


def demo(
    monkeypatch: pytest.MonkeyPatch, row: dict[str, Any], *, counted: int = 0
) -> tuple[reminded.Demo, list[tuple[str, Any]], list[list[str]]]:
    """The demonstration whose carts stand so after an order, with what it posts and the programs that it runs."""
    posted: list[tuple[str, Any]] = []
    ran: list[list[str]] = []

    def run(command: list[str], **_more: Any) -> SimpleNamespace:
        ran.append(command)
        return SimpleNamespace(returncode=counted)

    def post(path: str, body: Any) -> dict[str, Any]:
        posted.append((path, body))
        return {}

    def ask(_path: str) -> dict[str, Any]:
        is_ordered = any(path == reminded.ORDERS_HOOK for path, _body in posted)
        return {"items": [row | {"recovered": is_ordered and row["recovered"]}]}

    monkeypatch.setattr(lead, "moments", lambda: range(2))
    monkeypatch.setattr(subprocess, "run", run)
    return reminded.Demo("http://sandbox", post, ask), posted, ran


def test_one_of_two_carts_is_bought(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Both were left an hour ago, by two people; the order names the first."""
    made, posted, ran = demo(monkeypatch, REMINDED | {"recovered": True})
    made.leave(NOW)
    assert made.bought({})
    carts = [body for path, body in posted if path == reminded.CARTS_HOOK]
    assert [body["abandoned_at"] for body in carts] == [(NOW - timedelta(hours=1)).isoformat()] * 2
    assert len({body["email"] for body in carts}) == 2
    ((_path, order),) = [each for each in posted if each[0] == reminded.ORDERS_HOOK]
    assert (order["cart_id"], order["financial_status"]) == (carts[0]["cart_id"], "paid")
    assert ran[0][-1] == reminded.COUNTING
    assert "counted   the figures of the day" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "counted", "words"),
    [
        (REMINDED | {"messages": [], "recovered": True}, 0, "reminded: did not come in time"),
        (REMINDED, 0, "bought: did not come in time"),
        (REMINDED | {"recovered": True}, 1, "the day was not counted"),
    ],
)
def test_what_is_missing_of_the_carts_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], row: dict[str, Any], counted: int, words: str
) -> None:
    """Whichever it is."""
    made, _posted, _ran = demo(monkeypatch, row, counted=counted)
    made.leave(NOW)
    assert not made.bought({})
    assert words in capsys.readouterr().out


def test_day_is_counted_however_fresh_it_is(database: Any, test_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the program that the demonstration runs; also where it was never counted."""
    test_clock.moment = NOW
    numbers = iter(range(1, 4))
    source = lambda _session, _since, _until: [day_figures.Figure(name="n", number=next(numbers))]  # noqa: E731
    monkeypatch.setattr(day_figures.flows, "parts", lambda name: (source,) if name == "figures" else ())
    transact(lambda session: session.query(DayFold).delete())
    for expected in (1, 2):
        runpy.run_module(reminded.COUNTING, run_name="__main__")
        with reading() as session:
            assert session.scalars(select(DayFigure.number)).all() == [expected]
