"""The demonstration presses buttons of the console as a browser does: signed in once, with what the form holds."""

import pytest

from local import signed_in
from tests.functions.console.browser import Browser

PAGE = """<form method="post" action="/console/other"><input name="token" value="no"></form>
<form class="card" method="post" action="/console/broadcasts/1/start"><input type="hidden" name="token" value="a&amp;b">
<input name="empty"><button>Go</button></form>"""


def test_form_sends_what_it_holds() -> None:
    """That of its address alone, as it reads."""
    assert signed_in._fields(PAGE, "/console/broadcasts/1/start") == {"token": "a&b", "empty": ""}


def test_page_without_the_form_says_so() -> None:
    """Nothing is sent anywhere else instead."""
    with pytest.raises(LookupError, match="/console/elsewhere"):
        signed_in._fields(PAGE, "/console/elsewhere")


def test_forms_of_the_console_are_read(database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sign-in's field, as the page has it."""
    page = Browser().get("/console/sign-in")
    assert {"key", "next"} <= signed_in._fields(page.text, "/console/sign-in").keys()
