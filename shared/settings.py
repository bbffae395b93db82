"""Every setting of the app: its name, type, default and meaning. Read once, checked once, all mistakes reported together.

The names are those of the environment (in Azure: app settings; on one machine: `Values` in `local.settings.json`).
Those of one flow stand in its folder. `docs/settings.md` is made from all of them (`make docs`), and a test compares.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import new_class
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from shared import flows, secret_faults, shadow_mode
from shared.environment import BaseSettings
from shared.errors import ConfigurationError
from shared.setting_dates import Country
from shared.setting_groups import DEFAULT_ODOO_FIELDS, MessagingSettings, OdooSettings, SettingsGroup, VendorSettings
from shared.setting_limits import CONNECT_SECONDS, ODOO_BATCH_SECONDS, time_limit_faults
from shared.setting_offices import OfficeSettings
from shared.setting_types import ApiKey, Currency, Kept, Names, Scope, Url

__all__ = [
    "ApiKey",
    "DatabaseSettings",
    "Scope",
    "Settings",
    "describe",
    "fields_of",
    "get_settings",
    "load",
    "setting_name",
    "settings_class",
    "settings_of",
]


class DatabaseSettings(BaseSettings):
    """Where our own record lives; all that a migration needs to know."""

    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL of the database. Wins over AZURE_SQL_CONNECTION_STRING."
    )
    azure_sql_connection_string: SecretStr | None = Field(
        default=None,
        description="ODBC connection string of Azure SQL, for example "
        "`Driver={ODBC Driver 18 for SQL Server};Server=tcp:...;Database=puente;Authentication=ActiveDirectoryMsi`.",
    )
    database_pool_size: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Connections that one instance keeps to the database: a full one needs 3.1 ([scale.md](scale.md)).",
    )
    database_pool_overflow: int = Field(
        default=0, ge=0, le=100, description="Further connections of an instance that has all of them in use."
    )
    database_pool_wait_seconds: float = Field(
        default=10,
        ge=0.1,
        le=120,
        description="How long work waits for a free connection; then it is put back, which costs no attempt.",
    )
    database_statement_seconds: int = Field(
        default=15, ge=1, le=600, description="How long a statement of a handler may take, the wait for a lock included."
    )
    database_long_statement_seconds: int = Field(
        default=300,
        ge=1,
        le=3600,
        description="How long a statement of a job may take that reads whole tables: retention, comparison, import, erasure.",
    )


class Settings(DatabaseSettings, OdooSettings, MessagingSettings, VendorSettings, OfficeSettings):
    """The settings that every app has. `get_settings` adds those of the flows, and turns mistakes into one readable error."""

    storage_connection: SecretStr | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage",
        description="Connection string of the storage account (queues, blobs); `UseDevelopmentStorage=true` is Azurite.",
    )
    storage_account_name: str | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__accountName",
        description="Storage account reached by managed identity; instead of a connection string.",
    )
    storage_queue_service_uri: Url | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__queueServiceUri",
        description="Queue endpoint reached by managed identity, where the account name alone does not tell it.",
    )
    storage_blob_service_uri: Url | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__blobServiceUri",
        description="Blob endpoint reached by managed identity, where the account name alone does not tell it.",
    )
    storage_client_id: str | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__clientId",
        description="Client id of the user-assigned identity that may use the storage account.",
    )
    api_keys: tuple[ApiKey, ...] = Field(
        description="JSON list of `{name, key or sha256, scopes}`; scopes are `webhook:<sender>`, `read`, `write`, `admin` "
        "(`webhook`, for the webhooks of all senders, is the old one).",
        min_length=1,
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, le=100_000_000, description="Largest webhook body taken; above it 413."
    )
    default_phone_region: Country = Field(
        default="MX",
        description="Country (ISO 3166, two letters) of phone numbers that come without a country code.",
    )
    default_currency: Currency = Field(
        default="MXN",
        description="Currency (ISO 4217) of amounts that come without one. Stored amounts are not converted when it changes.",
    )
    delivery_lease_seconds: int = Field(
        default=15,
        ge=3,
        le=300,
        description="How long a worker may be silent over a delivery before another takes it. A worker that lives says so "
        "three times as often, so a kill costs this long and no longer.",
    )
    delivery_longest_seconds: int = Field(
        default=300,
        ge=5,
        le=3600,
        description="How long a batch may be under way before its worker is taken for stuck; above the longest delivery to any "
        "system in use (with less, nothing is sent and the log says why).",
    )
    dispatch_schedule: str = Field(
        default="*/30 * * * * *", description="Timer that starts whatever is due (six-field NCRONTAB, UTC)."
    )
    retry_errored_schedule: str = Field(
        default="0 */5 * * * *", description="Timer that requeues lost syncs and frees what a dead worker held."
    )
    reconcile_schedule: str = Field(
        default="0 15 8 * * *", description="Timer that compares our record with Odoo and repairs what the policy allows."
    )
    collect_poison_schedule: str = Field(
        default="30 * * * * *", description="Timer that moves poison messages to the dead-letter queue."
    )
    watch_schedule: str = Field(
        default="15 * * * * *", description="Timer that logs the state of the whole system, which alerts read."
    )
    retention_schedule: str = Field(
        default="0 40 7 * * *", description="Timer that removes what is finished and older than the RETENTION settings keep it."
    )
    retention_inbox_days: Kept = Field(
        default=60,
        description="Days that handled events are kept: senders repeat for days, queues keep two weeks, and a month is left to "
        "look something up; 0 is for ever, else 30 or more ([scale.md](scale.md#retention)).",
    )
    retention_sync_days: Kept = Field(
        default=60,
        description="Days that syncs are kept after they were done, as the events behind them; 0 is for ever, else 30 or more.",
    )
    retention_message_days: Kept = Field(
        default=180,
        description="Days that messages and what became of them are kept after they were sent or skipped, and longer "
        "than the event that caused them: half a year, for questions about them; 0 is for ever, else 30 or more.",
    )
    retention_inbound_days: Kept = Field(
        default=180,
        description="Days that what people write to us is kept, whether or not somebody has read it, as the messages; 0 is for "
        "ever, else 30 or more.",
    )
    retention_action_log_days: Kept = Field(
        default=400,
        description="Days that lines of the action log are kept: a year and a month, to compare with the year before; 0 is for "
        "ever, else 30 or more.",
    )
    retention_claim_check_days: Kept = Field(
        default=0,
        description="Days that the bodies of large events are kept in blobs, beside the storage account's own rule; "
        "0 leaves it to that, else 30 or more.",
    )
    shadow: Names = Field(
        default=(),
        description="Outside systems for which everything is received, recorded and planned, and nothing carried out: names of "
        "targets separated by commas, or `all`; beside `all`, `-name` leaves one out ([cutover.md](cutover.md#shadow)).",
    )
    alert_webhook_url: Url | None = Field(
        default=None, description="Receives a JSON POST for every new dead letter (Slack or Discord compatible `text`)."
    )
    warm_after_seconds: float = Field(
        default=0,
        ge=0,
        le=25,
        description="An instance that has had no request for so long after its start imports what it will need, as one that is "
        "always ready does; 0: only after its first request. In Azure 3.",
    )
    trace_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of traces whose spans are sent to Azure Monitor; a trace is sent whole or not at all.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`json`: each of our log lines is an object with event, delivery and function."
    )
    applicationinsights_connection_string: SecretStr | None = Field(
        default=None, description="Where traces go (Azure Monitor); the Functions host sends its logs there as well."
    )
    applicationinsights_resource_id: str = Field(
        default="",
        max_length=500,
        pattern=r"^(/subscriptions/[A-Za-z0-9_./()-]+)?$",
        description="Resource id of that Application Insights (/subscriptions/...): the console links to traces there.",
    )
    execution_log_days: int = Field(
        default=7,
        ge=0,
        le=30,
        description="Days for which our own log lines of each event and delivery are kept for the console; 0: none are.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least severe log line shown.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = []
        if self.storage_connection is None and not (self.storage_account_name or self.storage_queue_service_uri):
            faults.append("AzureWebJobsStorage: give a connection string, or ...__accountName for managed identity")
        elif self.storage_queue_service_uri and not (self.storage_account_name or self.storage_blob_service_uri):
            faults.append("AzureWebJobsStorage__blobServiceUri: needed beside ...__queueServiceUri, or give ...__accountName")
        if self.odoo_api == "jsonrpc" and not self.odoo_username:
            faults.append("ODOO_USERNAME: needed with ODOO_API=jsonrpc")
        faults += OdooSettings.faults(self)
        faults += OfficeSettings.faults(self)
        if unknown := sorted(set(self.odoo_field_map) - set(DEFAULT_ODOO_FIELDS)):
            faults.append(f"ODOO_FIELD_MAP: unknown facts {unknown}; known are {sorted(DEFAULT_ODOO_FIELDS)}")
        if "manychat_id" not in self.odoo_fields:
            faults.append("ODOO_FIELD_MAP: `manychat_id` cannot be left out; leads are found by it")
        faults += time_limit_faults(self)
        faults += self._scope_faults()
        faults += shadow_mode.faults(self.shadow, {target for flow in flows.installed() for target in flow.targets})
        faults += self._secret_faults()
        faults += [fault for group in _groups() for fault in group.faults(self)]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _scope_faults(self) -> Iterator[str]:
        known = {f"webhook:{sender}" for sender in flows.senders()}
        for key in self.api_keys:
            if unknown := sorted(scope for scope in key.scopes - known if ":" in scope):
                yield f"API_KEYS: {key.name!r} has unknown scopes {unknown}; for webhooks there are {sorted(known)}"

    def _secret_faults(self) -> Iterator[str]:
        names = _setting_names(settings_class())
        for name in type(self).model_fields:
            yield from secret_faults.faults(names[name], getattr(self, name))
        for key in self.api_keys:
            yield from secret_faults.key_faults(f"API_KEYS: {key.name!r}", key.key, key.sha256)

    @property
    def storage_key(self) -> SecretStr | None:
        """The connection string of the storage account, unless an identity is given as well: then that counts.

        The platform may put a connection string with a key beside our settings; the account refuses keys.
        """
        has_identity = self.storage_account_name or self.storage_queue_service_uri
        return None if has_identity else self.storage_connection

    @property
    def odoo_batch_seconds(self) -> float:
        """After this many seconds no call of a batch to Odoo begins, so that its last one ends in time."""
        return min(ODOO_BATCH_SECONDS, self.delivery_longest_seconds - self.odoo_timeout_seconds - CONNECT_SECONDS)


def settings_class() -> type[Settings]:
    """The class of this app's settings: those that every app has, and those of the installed flows."""
    return _composed(_groups())


def _groups() -> tuple[type[SettingsGroup], ...]:
    return flows.parts("settings")


@lru_cache(maxsize=4)
def _composed(groups: tuple[type[SettingsGroup], ...]) -> type[Settings]:
    def fill(namespace: dict[str, Any]) -> None:
        namespace |= {"model_config": Settings.model_config, "__module__": __name__, "__doc__": Settings.__doc__}

    composed: type[Settings] = new_class("AppSettings", (Settings, *groups), exec_body=fill)
    return composed


def fields_of(group: type[SettingsGroup]) -> dict[str, FieldInfo]:
    """The fields of a part that a flow declares, in its order. Raises KeyError: no installed flow declares that part."""
    fields = settings_class().model_fields
    return {name: fields[name] for name in group.__annotations__}


def setting_name(name: str) -> str:
    """The environment's name of a setting."""
    return _setting_names(settings_class())[name]


@lru_cache(maxsize=4)
def _setting_names(composed: type[Settings]) -> Mapping[str, str]:
    return {name: _first_name(name, field.validation_alias) for name, field in composed.model_fields.items()}


def _first_name(name: str, alias: object) -> str:
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return alias if isinstance(alias, str) else name.upper()


def describe(error: ValidationError) -> str:
    """One line for each mistake, named as in the environment, without the values (they may be secrets)."""
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        where = [str(part) for part in fault["loc"]]
        name = setting_name(where[0]) if where and where[0] in settings_class().model_fields else (where or [""])[0]
        lines.append(f"  {'.'.join([name, *where[1:]]) or 'settings'}: {fault['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


def load(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: with every mistake, one a line, and where to read what each setting means.
    """
    try:
        return settings_class()(**overrides)
    except ValidationError as error:
        mistakes = describe(error)
    except (json.JSONDecodeError, ValueError) as error:  # a JSON setting that is no JSON, the message names it
        mistakes = f"  {error}"
    raise ConfigurationError(f"The settings are not usable (docs/settings.md explains each):\n{mistakes}")


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read on first use; `get_settings.cache_clear()` reads them again."""
    return load()


def settings_of[G: SettingsGroup](group: type[G], given: Settings | None = None) -> G:
    """The settings of this process, or those `given`, seen as the part that a flow declares.

    Raises:
        ConfigurationError: with every mistake in any of the settings.
        TypeError: no installed flow declares that part.
    """
    settings: object = given or get_settings()
    if not isinstance(settings, group):
        raise TypeError(f"no installed flow declares {group.__name__} as its settings")
    return settings
