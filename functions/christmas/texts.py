"""The texts of the campaign that are no template: defaults and tips, in `templates/<locale>/_campaign.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from shared.errors import PermanentError
from shared.settings import get_settings

ROOT = Path(__file__).parent / "templates"
FILE = "_campaign.yaml"
ALERT = ("heading", "title", "email", "segment", "red_systems", "CRITICAL", "footer")


@dataclass(frozen=True, kw_only=True)
class Texts:
    """`defaults`: values of variables that no event gave. `tips`: one for each system, by its name in capitals.

    `alert`: what the alert to the sales team says, all of it (`ALERT`), so that it is in one language.
    """

    defaults: Mapping[str, str]
    tips: Mapping[str, str]
    general_tip: str
    alert: Mapping[str, str]

    def tip(self, system: str) -> str:
        """The tip for a system, whatever its case; the general one where the system is not known."""
        return self.tips.get(system.strip().upper(), self.general_tip)


def texts(locale: str | None = None) -> Texts:
    """The texts in that language, else those of DEFAULT_LOCALE, else the Spanish ones.

    Raises:
        PermanentError: `template-invalid`, the file is not as it must be.
    """
    candidates = [name for name in (locale, get_settings().default_locale) if name and (ROOT / name / FILE).is_file()]
    return _read((candidates or ["es"])[0])


@lru_cache(maxsize=8)
def _read(locale: str) -> Texts:
    try:
        payload = yaml.safe_load((ROOT / locale / FILE).read_text(encoding="utf-8"))
        tips = {str(system).upper(): str(tip).strip() for system, tip in payload["tips"].items()}
        defaults = {str(name): str(text) for name, text in payload["defaults"].items()}
        alert = {name: str(payload["alert"][name]) for name in ALERT}
        return Texts(defaults=defaults, tips=tips, general_tip=str(payload["general_tip"]).strip(), alert=alert)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise PermanentError("template-invalid", f"{locale}/{FILE}: {error}") from error
