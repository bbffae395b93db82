"""Who may do what: every page and every action that the app has, with every role. Both are read from the app itself."""

import re
from collections.abc import Iterator

import pytest

from shared.console.identity import Role
from shared.console.routes import READS, ConsoleRoute
from tests.functions.console.addresses import methods, pages, routes
from tests.functions.console.browser import Browser
from tests.functions.console.filling import BROADCAST, RUN, fill, fill_rest

HOLDS = {
    "vera": {Role.VIEWER},
    "olga": {Role.VIEWER, Role.OPERATOR},
    "ana": {Role.VIEWER, Role.APPROVER},
    "adan": set(Role),
}
"""The roles of each key."""
GIVEN = {"name": "contacts", "table": "events", "uuid": BROADCAST, "automation_id": BROADCAST, "execution_id": RUN}
"""What stands in an address for a place that is no number."""


def address(route: ConsoleRoute) -> str:
    """One with something in each of its places."""
    return re.sub(r"{(\w+)(:\w+)?}", lambda place: GIVEN.get(place[1], "1"), route.path)


def actions() -> Iterator[ConsoleRoute]:
    return (route for route in routes() if not methods(route) <= READS)


@pytest.fixture
def filled(console: None) -> None:
    fill()
    fill_rest()


def test_app_has_pages_and_actions_for_each_role() -> None:
    """So that what follows tries something; nothing that changes something is a viewer's but how they see the pages."""
    needs = {role: [route.path for route in actions() if route.needs == role] for role in Role}
    assert len(routes()) > 80
    assert all(needs.values())
    own = ("/console/me/", "/console/sign-out", "/console/language", "/console/theme")
    assert [path for path in needs[Role.VIEWER] if not path.startswith(own)] == []


@pytest.mark.parametrize("who", HOLDS)
@pytest.mark.share(2)
def test_every_page_opens_for_whoever_has_its_role_and_for_nobody_else(filled: None, who: str) -> None:
    """Who may not see it is told which role it needs; what is no page by itself as well."""
    browser, opened = Browser().signed_in(f"{who}-key"), pages()
    for route in routes():
        if methods(route) <= READS:
            may = route.needs in HOLDS[who]
            shown = [browser.get(one).status for one in opened.get(route.path, [address(route)])]
            assert (route.path, {status == 403 for status in shown}) == (route.path, {not may})
            assert not may or route.path not in opened or (route.path, set(shown)) == (route.path, {200})


@pytest.mark.parametrize("who", HOLDS)
def test_every_action_is_refused_to_whoever_lacks_its_role(filled: None, who: str) -> None:
    """With the role that it needs, before anything of the form is read; who has the role gets as far as the form."""
    browser = Browser().signed_in(f"{who}-key")
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    tried = 0
    for route in actions():
        if route.path.endswith(("/sign-out", "/sign-in")):
            continue
        shown = browser.post(address(route), {"token": token})
        needed = f"This needs the role {route.needs}." if route.needs not in HOLDS[who] else None
        assert (route.path, shown.heading if shown.status == 403 else None) == (route.path, needed)
        assert shown.status < 500 or shown.status == 503
        tried += 1
    assert tried > 40


@pytest.mark.parametrize("who", HOLDS)
@pytest.mark.share(2)
def test_every_form_of_a_page_goes_to_an_action_of_ones_role(filled: None, who: str) -> None:
    """No button can only be refused; and what an administrator can click is among the routes that are tried here."""
    known = [(re.compile(re.sub(r"{\w+(:\w+)?}", "[^/]+", route.path)), route.needs) for route in actions()]
    browser, opened = Browser().signed_in(f"{who}-key"), pages()
    posted = set()
    for route in routes():
        if methods(route) <= READS:
            shown = [browser.get(one) for one in opened.get(route.path, [address(route)])]
            posted |= {form.action.partition("?")[0] for one in shown for form in one.forms() if form.method == "post"}
    needs = {action: {needed for shape, needed in known if shape.fullmatch(action)} for action in posted}
    assert len(posted) > (15 if who == "adan" else 2)
    assert {action: needed for action, needed in needs.items() if not needed & HOLDS[who]} == {}
