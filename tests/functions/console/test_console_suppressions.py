"""Who is not to be written to: looked up, added, lifted, brought in and saved as a file in the console."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from shared import clock
from shared.messages import consent
from shared.messages.digests import digests_of_address
from shared.store.message_models import Suppression
from shared.store.models import ActionLog
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser, Shown

PAGE = "/console/suppressions"


def held() -> set[tuple[str, str]]:
    """The channel and the cause of each that holds."""
    with reading() as session:
        rows = session.execute(select(Suppression.channel, Suppression.cause).where(~Suppression.lifted))
        return {(row.channel, row.cause) for row in rows}


def add(browser: Browser, kind: str, value: str, channels: str = "") -> Shown:
    return browser.submit(browser.get(PAGE).form(f"{PAGE}/add"), kind=kind, value=value, channels=channels)


def imported(browser: Browser, text: str) -> Shown:
    return browser.upload(browser.get(PAGE).form(f"{PAGE}/import"), "file", text)


def test_somebody_is_added_found_and_lifted(admin) -> None:
    """By their address, of which only the digest is kept; the action log has who did it."""
    assert add(admin, "email", "Ana@Example.com").address == PAGE
    assert held() == {("email", "by-hand")}
    form = admin.get(PAGE).form(f"{PAGE}/find")
    assert "by-hand" in admin.submit(form, kind="email", value="ana@example.com").words
    assert "by-hand" not in admin.submit(form, kind="email", value="leo@example.com").words
    shown = admin.submit(admin.get(PAGE).form(f"{PAGE}/1/lift"))
    assert (held(), "lifted" in shown.words, "ana@example.com" in shown.text.lower()) == (set(), True, False)
    with reading() as session:
        lines = select(ActionLog.action, ActionLog.actor).where(ActionLog.action.like("suppression.%"))
        assert {tuple(line) for line in session.execute(lines)} == {
            ("suppression.add", "key:adan"),
            ("suppression.lift", "key:adan"),
        }


def test_what_is_over_is_shown_as_such(admin, test_clock) -> None:
    """Meta's limit of marketing holds for a day, and is then neither in force nor to be lifted."""
    at = clock.now() - timedelta(hours=23, minutes=59)
    transact(lambda session: consent.limited(session, digests_of_address("+525512345678")[:1], at))
    assert f"{PAGE}/1/lift" in admin.get(PAGE).text
    test_clock.advance(minutes=1)
    shown = admin.get(PAGE)
    assert (f"{PAGE}/1/lift" in shown.text, "over" in shown.words, "market-limit" in shown.words) == (False, True, True)


@pytest.mark.parametrize(
    ("kind", "value", "channels"), [("phone", "no number", ""), ("email", "", ""), ("email", "a@b.co", "sms")]
)
def test_mistake_is_said_on_the_page(admin, kind, value, channels) -> None:
    """With what is wrong; nothing is added."""
    shown = add(admin, kind, value, channels)
    assert (shown.status, held()) == (422, set())


def test_import_shows_what_it_adds_first(admin) -> None:
    """Who is not to be written to already changes nothing; what is not in the file stays; no address is kept anywhere."""
    add(admin, "email", "ana@example.com")
    add(admin, "email", "eva@example.com")
    page = imported(admin, "email,phone,cause\nana@example.com,,by-hand\nleo@example.com,,unsubscribed\n,55 1234 5678,stop\n")
    assert "New records 2 Changed records 0 Without effect 1" in page.words
    assert "leo@example.com" not in page.text
    assert held() == {("email", "by-hand")}
    admin.submit(next(form for form in page.forms() if form.action.endswith("/approve")))
    assert {("email", "unsubscribed"), ("whatsapp", "stop"), ("email", "by-hand")} <= held()
    with reading() as session:
        digest = digests_of_address("leo@example.com")[0]
        assert session.scalar(select(func.count()).select_from(Suppression).where(Suppression.who == digest)) == 1


def test_every_bad_line_is_named(admin) -> None:
    """And nothing is done, not even with the good ones."""
    page = imported(admin, "email,cause\nana@example.com,\nnobody,\nleo@example.com,bored\n")
    assert page.status == 422
    assert [line in page.words for line in ("line 2", "line 3", "line 4")] == [False, True, True]
    assert held() == set()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_export_has_digests_alone(admin, form) -> None:
    """That it went out is in the action log."""
    add(admin, "email", "ana@example.com")
    out = admin.submit(next(one for one in admin.get(PAGE).forms() if one.fields.get("form") == form))
    assert digests_of_address("ana@example.com")[0] in out.text
    assert "ana@example.com" not in out.text
    with reading() as session:
        assert session.scalar(select(func.count()).where(ActionLog.action == "list.export")) == 1


@pytest.mark.parametrize("who", ["vera", "olga", "ana"])
def test_only_admins_change_them(console, admin, who) -> None:
    """Operators may look somebody up; nobody else's button changes anything."""
    add(admin, "email", "ana@example.com")
    browser = Browser().signed_in(f"{who}-key")
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    for path in ("add", "1/lift", "import", "export"):
        assert browser.post(f"{PAGE}/{path}", {"token": token, "kind": "email", "value": "x@example.com"}).status == 403
    posts = {form.action for form in browser.get(PAGE).forms() if form.method == "post"}
    assert posts == {"/console/language"} | ({f"{PAGE}/find"} if who == "olga" else set())
    assert held() == {("email", "by-hand")}


def test_what_they_have_said_once_more_is_not_lifted(admin) -> None:
    """Since the page was opened somebody has stopped anew: nothing is lifted, and the page shows how it stands now."""
    add(admin, "email", "ana@example.com")
    form = admin.get(PAGE).form(f"{PAGE}/1/lift")
    add(admin, "email", "ana@example.com")
    shown = admin.submit(form)
    assert (shown.status, held()) == (412, {("email", "by-hand")})
    assert "read it again and decide anew" in shown.words
    admin.submit(shown.form(f"{PAGE}/1/lift"))
    assert held() == set()
