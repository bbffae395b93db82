"""The script of docs/payments.md does what the client expects of it: it runs here, with a pretended spreadsheet."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from functions.payments import sheet
from functions.payments.tables import Payment
from tests.conftest import ROOT
from tests.support.stripe import PAID

TOKEN = "a-word"  # of the tests alone
RUNNER = Path(__file__).with_name("sheet_script.cjs")


def script() -> str:
    """The page's script, with a token."""
    (found,) = re.findall(r"```javascript\n(.*?)```", (ROOT / "docs" / "payments.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(found).replace("write a long random word here", TOKEN)


def run(*requests: Any, **more: Any) -> Any:
    """The answers, and the rows of the sheet afterwards."""
    asked = json.dumps({"script": script(), "requests": requests, **more})
    done = subprocess.run(["node", str(RUNNER)], input=asked, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def put(email: str = "ana@example.com", received: int = 129_900, **more: Any) -> dict[str, Any]:
    """The client's request for a row."""
    money = {"currency": "MXN", "amount_minor": received, "received_minor": received, "refunded_minor": 0, "lost_minor": 0}
    payment = Payment(payment_id="pi_1", status="succeeded", method="card", email=email, began_at=PAID, **money)
    row = sheet.values(payment)
    return {"action": "put", "id": "pi_1", "row": row, "numbers": list(sheet.NUMBERS), "token": TOKEN} | more


def test_row_is_written_once_and_changed_after_that() -> None:
    """Under a header, by its id; the answer names the id and the stamp by which the row is known again."""
    found = run(put(), put(received=50_000), {"action": "find", "id": "pi_1", "token": TOKEN})
    assert [answer["ok"] for answer in found["answers"]] == [True, True, True]
    assert {answer["id"] for answer in found["answers"]} == {"pi_1"}
    assert found["answers"][2]["puente"] == put(received=50_000)["row"]["puente"]
    header, row = found["rows"]
    assert header == list(
        sheet.values(
            Payment(
                payment_id="x", currency="MXN", amount_minor=1, received_minor=1, refunded_minor=0, lost_minor=0, began_at=PAID
            )
        )
    )
    assert dict(zip(header, row, strict=True))["amount"] == 500
    assert (found["flushedBeforeRelease"], found["released"]) == (True, 3)


@pytest.mark.parametrize("text", ["=1+1", "+52", "-1", "@a", "0012"])
def test_nothing_runs_as_a_formula_and_no_digit_is_lost(text: str) -> None:
    """What somebody typed as an address is text in the sheet."""
    found = run(put(email=text))
    assert dict(zip(*found["rows"], strict=True))["customer"] == text


def test_what_is_not_there_is_not_found() -> None:
    """Asked for a row that was never written."""
    (answer,) = run({"action": "find", "id": "pi_1", "token": TOKEN})["answers"]
    assert (answer["ok"], answer["found"]) == (True, False)


@pytest.mark.parametrize(
    ("request_", "more", "error"),
    [
        (put(token="another"), {}, "bad-token"),
        (put(action="drop"), {}, "bad-request"),
        (put(), {"locked": True}, "busy"),
        (put(), {"broken": True}, "script-error"),
        ("no JSON", {}, "script-error"),
    ],
)
def test_what_goes_wrong_is_an_answer(request_: Any, more: dict[str, Any], error: str) -> None:
    """Never a page of HTML; the lock is given back."""
    (answer,) = run(request_, **more)["answers"]
    assert (answer["ok"], answer["error"]) == (False, error)
