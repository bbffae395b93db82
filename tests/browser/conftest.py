"""Headless Chromium, and a running Puente with something of everything in it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.twilio.resources import ACCOUNT, TOKEN
from shared.settings import get_settings
from shared.store.session import make_engine
from tests.browser.operator import Operator
from tests.conftest import ENVIRONMENT, ROOT
from tests.functions.console.filling import fill, fill_rest
from tests.support.puente import Puente, running

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
SETTINGS = {
    "LINK_SIGNING_SECRETS": "a-secret-of-tests",
    "TWILIO_BASE_URL": "{sandbox}/twilio",
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_WHATSAPP_SENDER": "+525500000002",
}
PICTURES = ROOT / ".local" / "console"
"""Where the screenshots are kept, for people to look at."""


def chromium() -> str:
    """The program: that of the variable CHROMIUM, else the first on the PATH. Fails with a sentence where there is none."""
    found = next(filter(None, (os.environ.get("CHROMIUM"), *map(shutil.which, CHROMIUM))), None)
    if found is None:
        pytest.fail("Chromium is needed on the PATH (Debian: apt install chromium), or its path in the variable CHROMIUM")
    return found


@pytest.fixture(scope="session")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """The whole app, its record filled; messages go to the sandbox's Twilio."""
    with running(tmp_path_factory.mktemp("console"), SETTINGS) as started, pytest.MonkeyPatch.context() as environment:
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        get_settings.cache_clear()
        engine = make_engine(started.database)
        fill(engine)
        fill_rest(engine)
        engine.dispose()
        get_settings.cache_clear()
        yield started


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def operator(browser: Any, puente: Puente) -> Iterator[Operator]:
    """Somebody at a desk, signed in with the administrator's key."""
    with Operator.at(browser, puente.host.base_url) as signed_in:
        yield signed_in


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder of the screenshots, empty at first."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    return PICTURES
