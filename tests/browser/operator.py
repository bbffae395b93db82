"""Somebody at the console with a browser: what they click, what they see, and whether anybody could use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.support.world import LOCAL_KEY

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK, PHONE = (1280, 900), (390, 844)


@dataclass
class Operator:
    """A signed-in person; `clicks` counts what they have clicked since they signed in."""

    page: Any
    url: str
    errors: list[str] = field(default_factory=list)
    clicks: int = 0

    @classmethod
    @contextmanager
    def at(
        cls, browser: Any, url: str, size: tuple[int, int] = DESK, scheme: str = "light", key: str = LOCAL_KEY
    ) -> Iterator["Operator"]:
        """A new window of that size and colour scheme, in which they sign in."""
        width, height = size
        # Scripts of the page are held to its policy; axe is put in from outside, past it.
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="es-MX",
            timezone_id="America/Mexico_City",
            color_scheme=scheme,
            bypass_csp=True,
        )
        page = context.new_page()
        person = cls(page, url)
        page.on("pageerror", lambda error: person.errors.append(str(error)))
        page.on("console", lambda message: person.errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{url}/console")
        page.fill("#key", key)
        page.click("main button.go")
        try:
            yield person
        finally:
            context.close()

    def opens(self, path: str) -> None:
        self.page.goto(self.url + path)

    def clicks_on(self, words: str) -> None:
        """A link or button of the page itself with these words in its name, and wait for what comes."""
        self.clicks += 1
        main = self.page.locator("main")
        main.get_by_role("link", name=words).or_(main.get_by_role("button", name=words)).first.click()
        self.page.wait_for_load_state("networkidle")

    def waits_for(self, heading: str, seconds: int = 400) -> None:
        """A page that renews itself has that heading at last."""
        self.page.locator("h1", has_text=heading).first.wait_for(timeout=seconds * 1000)

    def searches(self, words: str) -> None:
        """Into the field at the top, and Enter, which counts as a click."""
        self.clicks += 1
        self.page.fill("#search", words)
        self.page.press("#search", "Enter")
        self.page.wait_for_load_state("networkidle")

    @property
    def heading(self) -> str:
        return str(self.page.locator("h1").first.inner_text())

    @property
    def words(self) -> str:
        return str(self.page.locator("main").inner_text())

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.2 AA and good practice, each with the first place."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", TAGS)
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]

    def scrolls_sideways(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def picture(self, path: Path) -> None:
        self.page.screenshot(path=path, full_page=True)
