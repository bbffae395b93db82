"""Files whose tests are marked `slow` as a whole: together they take as long as all others (measured, see docs/testing.md).

Each kind of test stays in the run of every day: what is listed here has smaller brothers there.
"""

SLOW_FILES = frozenset(
    (
        "flows/test_events_as_people_write_them.py",
        "flows/test_messages_properties.py",
        "flows/test_sandbox_host.py",
        "functions/bookings/test_bookings_order.py",
        "functions/christmas/test_sequences_calendly.py",
        "functions/christmas/test_sequences_host.py",
        "functions/christmas/test_sequences_meetings.py",
        "functions/christmas/test_sequences_notion.py",
        "functions/christmas/test_sequences_wire.py",
        "functions/leads/test_leads_order.py",
        "fuzz/test_event_order.py",
        "fuzz/test_fuzz_api.py",
        "fuzz/test_fuzz_webhooks.py",
        "infra/test_kql.py",
        "integration/devhost/test_devhost_azurite.py",
        "integration/devhost/test_devhost_listener.py",
        "integration/web/test_web_host.py",
        "integration/web/test_web_odoo_contacts.py",
        "structure/test_outsider.py",
        "unit/journeys/test_journey_memory.py",
        "unit/journeys/test_journey_settle.py",
        "unit/outbox/test_outbox_isolation.py",
        "unit/outbox/test_outbox_silence.py",
        "unit/test_commands.py",
        "unit/test_warming.py",
        "unit/web/test_web_tsql.py",
    )
)
