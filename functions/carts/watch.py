"""WooCommerce's webhooks: switched on again where failures have switched them off; and its orders, compared every night.

WooCommerce repeats nothing and switches a webhook off after the seventh failure in a row, so that what it sent while we could
not be reached is known to its API alone.

    kind     | what it means                             | filled with
    ---------|-------------------------------------------|-------------------------------------------
    missing  | the shop has an order that we do not know | the event that its webhook would have been
    status   | it is in another state there              | the same
    amount   | it amounts to something else there        | the same
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.carts import amounts, woocommerce, woocommerce_api
from functions.carts.flow import WOOCOMMERCE
from functions.carts.payloads import OrderReport
from functions.carts.tables import ShopOrder
from functions.carts.triggers import WOOCOMMERCE_ORDER
from shared import clock, queues
from shared.alerts import plan_alert
from shared.crm import reconciliations
from shared.crm.reconcile import Report
from shared.crm.reconciliations import Goes
from shared.intake.envelope import Envelope, fingerprint
from shared.outbox import plan
from shared.store.session import reading, transact

BACK = timedelta(days=3)
DISABLED = "disabled"


def watch_webhooks() -> int:
    """Switch on again what failures have switched off, and say so; how many. A webhook that somebody has paused stays so.

    Where there is none for orders, an alert says that once a day. Raises PuenteError: WooCommerce cannot be asked.
    """
    if not woocommerce_api.WOOCOMMERCE_API.is_used():
        return 0
    found = woocommerce_api.webhooks()
    if not found:
        _alert("none", "WooCommerce has no webhook for orders that leads here (docs/carts.md).")
    off = [int(one["id"]) for one in found if one.get("status") == DISABLED]
    for number in off:
        woocommerce_api.switch_on(number)
        text = f"WooCommerce had switched its webhook {number} off after failures; it is on again. What it did not send, the "
        _alert(str(number), text + "nightly comparison brings.")
    return len(off)


def _alert(what: str, text: str) -> None:
    def enqueue(session: Session) -> set[str]:
        plan_alert(session, f"woocommerce-webhook:{what}:{clock.now():%Y-%m-%d}", f"Puente: {text}")
        return plan.newly_due(session)

    plan.nudge(transact(enqueue))


def ask_nightly() -> int:
    """Ask for a comparison with the orders of WooCommerce, which fills what is missing; 1 where its API is set up."""
    return reconciliations.ask_by_the_clock([WOOCOMMERCE] if woocommerce_api.WOOCOMMERCE_API.is_used() else [], dry_run=False)


def with_woocommerce(report: Report, place: Goes | None, dry_run: bool) -> Goes | None:  # noqa: FBT001  # as `Comparison` has it
    """Compare the next page of the orders that were changed in the last three days. Raises PuenteError."""
    place = place or {"since": (clock.now() - BACK).isoformat(), "page": 1}
    found, is_last = woocommerce_api.orders(datetime.fromisoformat(place["since"]), int(place["page"]))
    for body in found:
        if woocommerce.is_order(body):
            _compare(report, woocommerce.order_of(dict(body)), dry_run=dry_run)
    return None if is_last else {**place, "page": int(place["page"]) + 1}


def _compare(report: Report, data: dict[str, Any], *, dry_run: bool) -> None:
    order = OrderReport.model_validate(data)
    report.compared += 1
    if (kind := _difference(order)) is None:
        report.in_step += 1
        return
    example = {"order": order.order_id, "status": order.status}
    report.add(kind, example)
    envelope = _envelope(order, data)
    if report.repairs is not None:
        facts = [kind, example]
        report.repairs.append(reconciliations.event_repair(WOOCOMMERCE_ORDER.queue, envelope, facts, creates=kind == "missing"))
    if not dry_run:
        queues.send(WOOCOMMERCE_ORDER.queue, envelope.to_bytes())
        report.repaired += 1


def _difference(order: OrderReport) -> str | None:
    """In what way the shop's order is another one than ours; None where both say the same."""
    with reading() as session:
        query = select(ShopOrder).where(ShopOrder.store == WOOCOMMERCE, ShopOrder.order_id == order.order_id)
        known = session.scalars(query).one_or_none()
    if known is None:
        return "missing"
    if known.status != order.status:
        return "status"
    total = amounts.net(amounts.read(order.total, exact=order.exact), order.refunded)
    return None if known.net == total else "amount"


def _envelope(order: OrderReport, data: dict[str, Any]) -> Envelope:
    """The event as if the shop had sent it; the same order in the same state is the same event."""
    received = clock.now()
    return Envelope(
        id=f"compared:{fingerprint(data)}",
        source=WOOCOMMERCE,
        type=WOOCOMMERCE_ORDER.name,
        time=order.at or received,
        received=received,
        subject=order.subject(),
        data=data,
    )
