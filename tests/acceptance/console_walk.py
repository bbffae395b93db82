"""The console of a running system as somebody sees it who signs in with a key and opens one page after another."""

import re
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

PAGES = {
    "/console": "todo",
    "/console/people": "people/",
    "/console/answers": "answers/",
    "/console/executions": "executions/",
    "/console/stopped": "stopped/",
    "/console/systems": "systems/",
    "/console/deliveries": "deliveries/",
    "/console/deliveries?state=uncertain": "deliveries/",
    "/console/deliveries?state=dead": "deliveries/",
    "/console/approvals": "approvals/",
    "/console/journeys": "journeys/",
    "/console/broadcasts": "broadcasts/",
    "/console/texts": "texts/",
    "/console/flows": "flows/",
    "/console/records": "records/",
    "/console/reports": "reports/",
}
"""Pages with what a page with data on it links to (or has a class for)."""


class Walk:
    """Somebody who is signed in. `url` is the app's address."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        token = re.search(r'name="token" value="([^"]*)"', self.page("/console/sign-in"))
        fields = {"key": key, "token": token[1] if token else ""}
        self._read(f"{url}/console/sign-in", urllib.parse.urlencode(fields).encode())

    def page(self, path: str) -> str:
        """A page's HTML. Raises HTTPError where it is refused."""
        return self._read(self.url + path, None)

    def _read(self, url: str, body: bytes | None) -> str:
        with self._open(url, body, timeout=60) as answer:
            return str(answer.read().decode())

    def without_rows(self) -> list[str]:
        """The pages on whose main part nothing is listed."""
        return [path for path, row in PAGES.items() if not self._has(path, row)]

    def _has(self, path: str, row: str) -> bool:
        main = self.page(path).partition("<main")[2]
        return f'class="{row}"' in main if row == "todo" else re.search(rf'<a [^>]*href="/console/{row}\w', main) is not None

    def empty_records(self) -> list[str]:
        """The flows' own lists that have no row."""
        lists = sorted(set(re.findall(r'href="(/console/records/[\w-]+)"', self.page("/console/records"))))
        return [path for path in lists if not re.search(rf'href="{path}/\d+"', self.page(path))]
