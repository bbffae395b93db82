"""The utm sources of Odoo: which channel a lead came through."""

from datetime import datetime, timedelta

from shared import clock
from shared.vendors.odoo import named
from shared.vendors.odoo.client import OdooClient

MODEL = "utm.source"
KEPT_FOR = timedelta(hours=1)

_LOST = "lost sources"

type _Known = dict[str, tuple[int, datetime]]


def source_id(client: OdooClient, name: str) -> int:
    """The id of the source called `name`, whatever its case; created when Odoo has none. Asked once an hour per process.

    A created source carries an external id made from its name, so that two processes cannot create it twice, and a
    source that we created and a person renamed is still found.

    Raises:
        ValueError: `name` is empty.
        PuenteError: as every call of Odoo.
    """
    name = " ".join(name.split())
    if not name:
        raise ValueError("a source needs a name")
    known: _Known = client.memory.setdefault(MODEL, {})
    remembered = known.get(name.casefold())
    if remembered is None or clock.now() - remembered[1] >= KEPT_FOR:
        found = named.find(client, MODEL, "name", name)
        remembered = (found or named.make(client, MODEL, name.casefold(), {"name": name}), clock.now())
        known[name.casefold()] = remembered
    return remembered[0]


def forget(client: OdooClient, source: object) -> bool:
    """Odoo no longer has the source with this id: look it up again next time.

    Whether the id came from here, now or earlier: of a batch of leads with the same lost source, each one asks.
    """
    known: _Known = client.memory.setdefault(MODEL, {})
    lost: set[str] = client.memory.setdefault(_LOST, set())
    for name in [name for name, (odoo_id, _) in known.items() if str(odoo_id) == str(source)]:
        known.pop(name, None)
        lost.add(str(source))
    return str(source) in lost
