"""Settings: read once, all mistakes reported together, by the names an operator knows, and never with a secret's value."""

import hashlib
import json

import pytest

from shared import queues
from shared.errors import ConfigurationError
from shared.secret_faults import LOCAL_KEYS
from shared.setting_dates import COUNTRIES
from shared.setting_limits import CONNECT_SECONDS
from shared.settings import (
    DEFAULT_ODOO_FIELDS,
    ApiKey,
    DatabaseSettings,
    get_settings,
    load,
    setting_name,
    settings_class,
)
from shared.store.session import DEFAULT_DATABASE_URL, database_url
from tests.conftest import ENVIRONMENT

SECRET = "s3cr3t-value"


def mistakes(environment, **changed):
    """The message for settings with `changed` ones; None removes a setting."""
    for name, value in changed.items():
        environment.delenv(name) if value is None else environment.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load()
    return str(caught.value)


def test_settings_of_one_machine_are_usable(environment):
    """What the tests run with is valid, and everything else has a default."""
    settings = load()
    assert (settings.odoo_sync_mode, settings.default_phone_region) == ("opportunities", "MX")
    assert settings.max_body_bytes == 1_048_576


def test_all_mistakes_are_reported_at_once(environment):
    """One start, one message, one line for each mistake."""
    message = mistakes(
        environment,
        API_KEYS="[]",
        ODOO_URL="ftp://odoo",
        ODOO_DB=None,
        ODOO_API="soap",
        MAX_BODY_BYTES="3",
        ODOO_CALLS_PER_SECOND="0",
        DEFAULT_PHONE_REGION="Mexico",
    )
    named = [line.strip().partition(":")[0] for line in message.splitlines()[1:]]
    assert sorted(named) == [
        "API_KEYS",
        "DEFAULT_PHONE_REGION",
        "MAX_BODY_BYTES",
        "ODOO_API",
        "ODOO_CALLS_PER_SECOND",
        "ODOO_DB",
        "ODOO_URL",
    ]


def test_mistakes_between_settings_are_reported_at_once_too(environment):
    """What only shows when two settings are seen together is listed as well."""
    message = mistakes(environment, AzureWebJobsStorage=None, ODOO_USERNAME=None, ODOO_FIELD_MAP='{"shoe_size": "x_shoe"}')
    assert all(name in message for name in ("AzureWebJobsStorage", "ODOO_USERNAME", "ODOO_FIELD_MAP", "shoe_size"))


@pytest.mark.parametrize(
    "keys",
    [
        f'[{{"name": "a", "key": "{SECRET}"',  # cut off
        json.dumps([{"name": "", "key": SECRET}]),  # no name
        json.dumps([{"name": "a", "key": SECRET, "scopes": ["root"]}]),  # no such scope
        json.dumps([{"name": "a", "sha256": SECRET}]),  # no digest
        json.dumps({"a": SECRET}),  # no list
        json.dumps([{"name": "a", "key": "k", SECRET: 1}]),  # an unknown member
    ],
)
def test_message_never_holds_what_was_given(environment, keys):
    """A mistake in a secret is told without the secret, which would end up in a log."""
    assert SECRET not in mistakes(environment, API_KEYS=keys).replace(f"0.{SECRET}", "")


def test_secrets_are_not_shown_by_the_settings_themselves(environment):
    """A settings object in a trace or a log line tells no password."""
    environment.setenv("ODOO_PASSWORD", SECRET)
    environment.setenv("AzureWebJobsStorage", f"AccountKey={SECRET}")
    environment.setenv("API_KEYS", json.dumps([{"name": "a", "key": SECRET}]))
    assert SECRET not in repr(load()) + str(load()) + str(load().api_keys)


def test_empty_setting_counts_as_not_set(environment):
    """An app setting left empty in a portal means its default."""
    environment.setenv("ODOO_SYNC_MODE", "")
    assert load().odoo_sync_mode == "opportunities"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "a"}, "exactly one"),
        ({"name": "a", "key": "k", "sha256": "0" * 64}, "exactly one"),
        ({"name": "a", "key": ""}, "empty"),
    ],
)
def test_a_key_has_one_secret(given, words):
    """Plain or hashed, not both, not neither, not empty."""
    with pytest.raises(ValueError, match=words):
        ApiKey.model_validate(given)


def test_hashed_and_plain_key_are_the_same_key():
    """A key may be stored as its digest, in either case of hex digits."""
    digest = hashlib.sha256(b"k").hexdigest()
    assert ApiKey(name="a", key="k").digest == ApiKey(name="a", sha256=digest.upper()).digest


def test_json2_needs_no_user_name(environment):
    """Odoo's newer interface knows the user by the key."""
    environment.delenv("ODOO_USERNAME")
    environment.setenv("ODOO_API", "json2")
    assert load().odoo_username == ""


def test_managed_identity_needs_no_connection_string(environment):
    """In Azure the storage account is named, not opened with a key."""
    environment.delenv("AzureWebJobsStorage")
    environment.setenv("AzureWebJobsStorage__accountName", "puente")
    assert load().storage_account_name == "puente"


def test_field_map_changes_single_fields_and_leaves_out_empty_ones(environment):
    """A customer's own field takes a fact's place; an empty name drops the fact."""
    environment.setenv("ODOO_FIELD_MAP", '{"summary": "x_studio_resumen", "channel": ""}')
    fields = load().odoo_fields
    assert (fields["summary"], "channel" in fields, len(fields)) == ("x_studio_resumen", False, len(DEFAULT_ODOO_FIELDS) - 2)
    assert "campaign" not in fields  # of the mode `opportunities`, unless the map names it


def test_url_loses_its_last_slash(environment):
    """So that a path can be appended."""
    environment.setenv("ODOO_URL", "https://odoo.example.com/")
    assert load().odoo_url == "https://odoo.example.com"


def test_settings_are_read_once(environment):
    """All of a process sees the same settings."""
    first = get_settings()
    environment.setenv("ODOO_DB", "other")
    assert get_settings() is first
    get_settings.cache_clear()
    assert get_settings().odoo_db == "other"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, DEFAULT_DATABASE_URL),
        ({"AZURE_SQL_CONNECTION_STRING": "Driver={x};Server=s"}, "mssql+pyodbc:///?odbc_connect=Driver%3D%7Bx%7D%3BServer%3Ds"),
        ({"AZURE_SQL_CONNECTION_STRING": "Server=s", "DATABASE_URL": "sqlite:///x.db"}, "sqlite:///x.db"),
    ],
)
def test_where_the_database_is(environment, given, expected):
    """DATABASE_URL wins over the ODBC string, which wins over the local file; a migration needs no other setting."""
    for name in ENVIRONMENT:
        environment.delenv(name)
    for name, value in given.items():
        environment.setenv(name, value)
    assert database_url(DatabaseSettings()) == expected


def test_every_setting_is_explained():
    """Each has a description, which docs/settings.md is made from, and a name as in the environment."""
    assert all(field.description for field in settings_class().model_fields.values())
    assert {setting_name(name) for name in ("odoo_db", "storage_connection")} == {"ODOO_DB", "AzureWebJobsStorage"}


def test_fact_that_everything_is_found_by_cannot_be_left_out(environment):
    """Without the field that holds the ManyChat id no lead could be told from another."""
    assert "manychat_id" in mistakes(environment, ODOO_FIELD_MAP='{"manychat_id": ""}')


def test_queue_endpoint_alone_does_not_tell_where_the_blobs_are(environment):
    """Large bodies go to a blob, so its endpoint is asked for at the start and not at the first of them."""
    environment.setenv("AzureWebJobsStorage__queueServiceUri", "https://x.queue.core.windows.net")
    assert "blobServiceUri" in mistakes(environment, AzureWebJobsStorage=None)


def test_mistakes_of_times_and_places_are_reported_at_once(environment):
    """Nobody finds out weeks later that a window or a zone does not exist."""
    message = mistakes(
        environment,
        QUIET_HOURS="25:99-09:00",
        WORKING_DAYS="mon,funday",
        DEFAULT_TIME_ZONE="America/Atlantis",
        HOLIDAYS_COUNTRY="QQ",
        DEFAULT_PHONE_REGION="ZZ",
    )
    named = [line.strip().partition(":")[0] for line in message.splitlines()[1:]]
    names = ["DEFAULT_PHONE_REGION", "DEFAULT_TIME_ZONE", "HOLIDAYS_COUNTRY", "QUIET_HOURS", "WORKING_DAYS"]
    assert sorted(named) == names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUIET_HOURS", "24:00-09:00"),
        ("QUIET_HOURS", "20:60-09:00"),
        ("QUIET_HOURS", "20:00-09:00 "),
        ("QUIET_HOURS", "8pm-9am"),
        ("WORKING_DAYS", ","),
        ("WORKING_DAYS", "lunes"),
        ("DEFAULT_TIME_ZONE", "America"),
        ("DEFAULT_TIME_ZONE", "../etc/passwd"),
        ("DEFAULT_TIME_ZONE", "UTC+1"),
        ("HOLIDAYS_COUNTRY", "mx"),
        ("HOLIDAYS_COUNTRY", "MEX"),
        ("DEFAULT_PHONE_REGION", "UK"),
    ],
)
def test_what_is_no_time_or_place_is_refused(environment, name, value):
    """An empty or unknown one would silently mean another."""
    assert f"{name}: " in mistakes(environment, **{name: value})


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("QUIET_HOURS", "00:00-23:59", "00:00-23:59"),
        ("QUIET_HOURS", "00:00-00:00", "00:00-00:00"),
        ("WORKING_DAYS", " Mon ,SUN", ("mon", "sun")),
        ("DEFAULT_TIME_ZONE", "Europe/Madrid", "Europe/Madrid"),
        ("HOLIDAYS_COUNTRY", "ES", "ES"),
        ("HOLIDAYS_COUNTRY", "XX", "XX"),
        ("DEFAULT_PHONE_REGION", "XK", "XK"),
    ],
)
def test_times_and_places_that_exist_are_taken(environment, name, value, kept):
    """In any case where that is how people write them."""
    environment.setenv(name, value)
    assert getattr(load(), name.lower()) == kept


def test_countries_are_those_that_phones_and_holidays_are_known_of():
    """The list is written down because the packages that know it are heavy; this holds it to them."""
    import holidays
    import phonenumbers

    assert set(phonenumbers.SUPPORTED_REGIONS) & set(holidays.list_supported_countries()) == COUNTRIES


@pytest.mark.parametrize(
    "given", [{"DELIVERY_LONGEST_SECONDS": "65"}, {"DELIVERY_LONGEST_SECONDS": "200", "ODOO_TIMEOUT_SECONDS": "220"}]
)
def test_time_limit_that_a_call_to_odoo_may_outlive_is_refused(environment, given):
    """A second worker would take over what the first is still sending."""
    message = mistakes(environment, **given)
    assert "DELIVERY_LONGEST_SECONDS: must be above" in message
    assert "Odoo" in message


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"DELIVERY_LONGEST_SECONDS": "66"},
        {"ODOO_TIMEOUT_SECONDS": "220"},
        {"DELIVERY_LONGEST_SECONDS": "7", "ODOO_TIMEOUT_SECONDS": "1"},
    ],
)
def test_time_limit_that_is_long_enough_is_taken(environment, given):
    """And the last call of a batch to Odoo ends within it."""
    for name, value in given.items():
        environment.setenv(name, value)
    settings = load()
    assert 0 < settings.odoo_batch_seconds <= 100
    assert settings.odoo_batch_seconds + settings.odoo_timeout_seconds + 5 <= settings.delivery_longest_seconds


def test_connect_limit_is_that_of_the_http_client():
    """It is written down once more because the client is heavy; this holds it to it."""
    from shared.vendors import http

    assert http.CONNECT_SECONDS == CONNECT_SECONDS


UNRESOLVED = "@Microsoft.KeyVault(SecretUri=https://kv-puente.vault.azure.net/secrets/x/)"
OF_NOTHING = hashlib.sha256(b"").hexdigest()
OF_LOCAL_KEY = hashlib.sha256(b"local-dev-key").hexdigest()


@pytest.mark.parametrize("name", ["LINK_SIGNING_SECRETS", "ODOO_PASSWORD", "TWILIO_AUTH_TOKEN", "ODOO_DB"])
@pytest.mark.parametrize("value", [UNRESOLVED, UNRESOLVED.lower(), f" {UNRESOLVED}", f"{UNRESOLVED},good-and-long-enough"])
def test_an_unresolved_reference_to_the_vault_is_no_value(environment, name, value):
    """Whoever knows the vault's name knows its text: it would be a secret that anybody can sign with."""
    assert f"{name}: the reference to Key Vault is not resolved" in mistakes(environment, **{name: value})


@pytest.mark.parametrize("key", [{"key": UNRESOLVED}, {"key": "  "}, {"sha256": OF_NOTHING}, {"sha256": OF_NOTHING.upper()}])
def test_an_api_key_that_anybody_knows_is_refused(environment, key):
    """The text of a reference, spaces, the hash of nothing."""
    assert "API_KEYS: 'a'" in mistakes(environment, API_KEYS=json.dumps([{"name": "a"} | key]))


@pytest.mark.parametrize("key", [*({"key": key} for key in LOCAL_KEYS), {"sha256": OF_LOCAL_KEY}, {"key": "short"}])
def test_the_local_key_and_short_ones_do_not_start_in_azure(environment, key):
    """On one machine they do."""
    environment.setenv("API_KEYS", json.dumps([{"name": "a"} | key]))
    assert load().api_keys
    environment.setenv("WEBSITE_SITE_NAME", "func-puente")
    assert "API_KEYS: 'a'" in mistakes(environment)


def test_a_short_secret_does_not_start_in_azure(environment):
    """The number of characters is told, never the secret."""
    environment.setenv("API_KEYS", json.dumps([{"name": "a", "sha256": "1" * 64}]))
    environment.setenv("WEBSITE_SITE_NAME", "func-puente")
    message = mistakes(environment, LINK_SIGNING_SECRETS="0123456789abcdef,uno", ODOO_PASSWORD="admin")
    assert "LINK_SIGNING_SECRETS: it has 3 characters" in message
    assert "ODOO_PASSWORD: it has 5 characters" in message
    assert "uno" not in message


def test_scopes_are_those_of_the_flows_senders(environment):
    """A sender that no flow declares is a slip of the pen; the message names those that there are."""
    keys = [{"name": "a", "key": SECRET, "scopes": ["webhook:manychat", "webhook:calcom", "webhook", "read"]}]
    environment.setenv("API_KEYS", json.dumps(keys))
    assert load().api_keys[0].scopes >= {"webhook:manychat", "webhook:calcom"}
    keys[0]["scopes"] = ["webhook:manichat"]
    assert "webhook:manychat" in mistakes(environment, API_KEYS=json.dumps(keys))


def test_identity_wins_over_a_key_that_the_platform_puts_beside_it(environment):
    """The account refuses keys; a connection string with one may appear among the app settings all the same."""
    environment.setenv("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=eA==")
    assert load().storage_key is not None
    environment.setenv("AzureWebJobsStorage__accountName", "stpuente")
    assert load().storage_key is None


def test_clients_of_the_storage_account_use_the_identity_then(environment):
    """Queues and blobs alike: their addresses are those of the named account, not of the one in the connection string."""
    environment.setenv("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=eA==")
    environment.setenv("AzureWebJobsStorage__accountName", "stpuente")
    get_settings.cache_clear()
    queues.forget_clients()
    try:
        assert queues.queue_client("q").url == "https://stpuente.queue.core.windows.net/q"
        assert queues.blob_container("c").url == "https://stpuente.blob.core.windows.net/c"
    finally:
        queues.forget_clients()


@pytest.mark.parametrize("name", ["ODOO_URL", "TWILIO_BASE_URL", "KOMMO_BASE_URL", "PUBLIC_BASE_URL", "ALERT_WEBHOOK_URL"])
@pytest.mark.parametrize("url", ["http://odoo.example", "http://10.0.0.7:8069", "http://127.0.0.1.example", "http://[::2]/"])
def test_addresses_without_encryption_are_refused(environment, name, url):
    """Keys and people's data would be read on the way."""
    assert f"{name}: must start with https://" in mistakes(environment, **{name: url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:7072", "http://localhost:1", "http://[::1]:2", "https://odoo.example"])
def test_what_stays_on_this_machine_needs_none(environment, url):
    """The sandbox, a proxy beside the app."""
    environment.setenv("ODOO_URL", url)
    assert load().odoo_url == url
