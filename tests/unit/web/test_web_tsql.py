"""Azure SQL takes every statement that the API makes: each is compiled for it and read by two T-SQL parsers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared import clock
from shared.crm import resync
from shared.store.message_models import Suppression
from shared.store.models import Advisor, Campaign, CampaignContact, Channel, Contact, DeadLetter, Delivery, Opportunity
from shared.web.cursor import Cursor
from tests.support import tsql
from tests.support.world import World
from tests.unit.web.calls import Api
from tests.unit.web.test_web_inbound_messages import received

pytestmark = pytest.mark.slow


def cursor(by: str, *place: Any) -> str:
    """The end of a page of a sorted list."""
    return Cursor(order=by).text(*place)


CALLS = [
    ("GET", f"/api/v1/contacts?phone=5512345678&email=a@example.com&manychat_id=m1&after={cursor('-id', 5, 5)}"),
    ("GET", f"/api/v1/contacts?q=ana+5&channel_id=1&sort=name&after={cursor('name', 'ana', 5)}"),
    ("GET", "/api/v1/contacts/1/timeline"),
    ("GET", "/api/v1/contacts/1/timeline?after=2026-01-01T00:00:00Z~2~5&order=newest"),
    ("GET", "/api/v1/advisors?q=5512&is_active=true&sort=-name"),
    ("GET", f"/api/v1/campaigns?q=a&running_at=2026-03-01&after={cursor('-id', 5, 5)}"),
    ("GET", "/api/v1/channels?q=wa"),
    ("GET", "/api/v1/crm/stages?q=rec"),
    ("GET", "/api/v1/odoo/reconciliations?dry_run=true&state=done"),
    ("GET", "/api/v1/crm/opportunities?manychat_id=m1"),
    ("GET", "/api/v1/crm/opportunities?order=oldest&after=0"),
    ("GET", "/api/v1/dead-letters?state=parked&original_queue=q&reason=r&type=t&subject=s&since=2026-01-01&until=2027-01-01"),
    ("GET", "/api/v1/dead-letters/1"),
    ("POST", "/api/v1/dead-letters/replay"),
    ("POST", "/api/v1/dead-letters/1/replay"),
    ("GET", "/api/v1/deliveries?state=dead&kind=sync&target=t&action=a&subject=s&since=2026-01-01&until=2027-01-01&after=9"),
    ("GET", "/api/v1/deliveries"),
    ("GET", "/api/v1/deliveries/1"),
    ("POST", "/api/v1/deliveries/1/retry"),
    ("GET", "/api/v1/deliveries/1/attempts?after=9"),
    ("GET", "/api/v1/deliveries/1/waits?order=oldest&after=9"),
    ("GET", "/api/v1/targets"),
    ("GET", "/api/v1/target-pauses?target=odoo&after=9"),
    ("GET", "/api/v1/outages?target=odoo&lasts=true&after=9"),
    ("GET", "/api/v1/outages?lasts=false"),
    ("POST", "/api/v1/deliveries/1/cancel"),
    ("GET", "/api/v1/suppressions?email=a@example.com&channel=email&cause=stop&holds=true&after=9"),
    ("GET", "/api/v1/suppressions?holds=false&order=oldest"),
    ("GET", "/api/v1/suppressions/1"),
    ("POST", "/api/v1/deliveries/2/retry"),
    ("GET", "/api/v1/inbound-messages?state=unread&channel=sms&wish=ask&phone=5512345678&since=2026-01-01&until=2027-01-01"),
    ("GET", "/api/v1/inbound-messages/1"),
]


@pytest.fixture
def statements() -> Iterator[list[Any]]:
    """What is executed from here on, except what stands in `dialect.py` in one version for each database."""
    with tsql.recorded() as found:
        yield found


CHANGES = [
    ("POST", "/api/v1/suppressions", {"phone": "+525512345678"}),
    ("DELETE", "/api/v1/suppressions/1", None),
    ("PATCH", "/api/v1/inbound-messages/1", {"state": "read"}),
    ("PATCH", "/api/v1/contacts/1", {"first_name": "A", "channel_id": 1}),
    ("DELETE", "/api/v1/contacts/2", None),
    ("POST", "/api/v1/contacts", {"manychat_id": "m9", "phone": "+525512345678"}),
    ("PATCH", "/api/v1/channels/1", {"name": "B"}),
    ("DELETE", "/api/v1/channels/1", None),
    ("POST", "/api/v1/advisors", {"id": 9, "name": "B"}),
    ("PATCH", "/api/v1/advisors/1", {"name": "B"}),
    ("DELETE", "/api/v1/advisors/1", None),
    ("POST", "/api/v1/campaigns", {"id": 9, "name": "B", "date_start": "2026-01-01"}),
    ("PATCH", "/api/v1/campaigns/1", {"name": "B"}),
    ("PATCH", "/api/v1/crm/stages/3", {"odoo_stage_id": 118}),
    ("DELETE", "/api/v1/crm/stages/4", None),
    ("POST", "/api/v1/crm/opportunities/1/sync", None),
    ("PUT", "/api/v1/manychat/campaign-contacts/update-by-manychat-id", {"manychat_id": "m1", "medical_advisor_id": "a"}),
    ("POST", "/api/v1/odoo/reconciliations", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_statements_of_changes_are_valid_tsql(
    api: Api, world: World, add: Callable[..., Any], statements: list[Any], method: str, path: str, body: Any
) -> None:
    """Also those of what the change asks for, carried out in pages."""
    add(Channel(key="k", name="c"), Advisor(name="a"), Campaign(name="c", date_start=clock.now()))
    add(Opportunity(manychat_id="m1", stage_id=18, contact=Contact(manychat_id="m1")), Contact(manychat_id="m2"))
    add(Suppression(channel="sms", who="w", cause="stop", changed_at=clock.now()), received())
    add(CampaignContact(contact_id=1, campaign_id=1, registration_date=clock.now()))
    statements.clear()
    answer = api(method, path, body=body)
    assert answer.status < 300, answer.body
    for subject in ("advisor:1", "channel:1", "stage:3:18"):
        resync._carry_out(subject)
    assert statements
    _check_tsql(statements)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_statements_are_valid_tsql(api: Api, add: Callable[..., Any], statements: list[Any], method: str, path: str) -> None:
    """Paging is TOP or FETCH, locks are hints, booleans are bits: nothing that only SQLite would take."""
    add(Opportunity(manychat_id="m1", stage_id=18, contact=Contact(manychat_id="m1")))
    now, letter = clock.now(), {"key": "k", "original_event": "{}", "reason": "r", "error_message": "m"}
    add(DeadLetter(original_queue="manychat-contact-queue", error_time=now, **letter))
    add(Suppression(channel="email", who="w", cause="stop", changed_at=now), received())
    for state in ("dead", "pending"):
        add(Delivery(kind="sync", target="odoo", action="opportunity", subject="m1", due_at=now, state=state))
    statements.clear()
    assert api(method, path, body={} if method == "POST" else None).status < 300
    assert statements
    _check_tsql(statements)


def _check_tsql(statements: list[Any]) -> None:
    for text in {tsql.compiled(statement) for statement in statements}:
        tsql.check(text)
