// What differs between environments, from environment variables: `azd env set NAME value`, or plain variables for `az deployment sub create`.
using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param principalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID')
param principalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')

// The one table of app settings, made from the declared settings by `make docs`. Left empty, the settings class's own default counts.
// Schedules must stand here with a value: the host resolves %NAME% from app settings only. What is left out: settings-left-out.yaml.
param settings = {
  APPROVERS: readEnvironmentVariable('APPROVERS', '')
  BOOKING_URL: readEnvironmentVariable('BOOKING_URL', '')
  BROADCAST_APPROVAL_ABOVE: readEnvironmentVariable('BROADCAST_APPROVAL_ABOVE', '')
  BROADCAST_APPROVAL_COST: readEnvironmentVariable('BROADCAST_APPROVAL_COST', '')
  BROADCAST_CURRENCY: readEnvironmentVariable('BROADCAST_CURRENCY', '')
  BROADCAST_MAX_RATE_PER_HOUR: readEnvironmentVariable('BROADCAST_MAX_RATE_PER_HOUR', '')
  BROADCAST_PAUSE_FAILURES: readEnvironmentVariable('BROADCAST_PAUSE_FAILURES', '')
  BROADCAST_PAUSE_SHARE: readEnvironmentVariable('BROADCAST_PAUSE_SHARE', '')
  BROADCAST_PRICES: readEnvironmentVariable('BROADCAST_PRICES', '')
  BROADCAST_WEEK_START: readEnvironmentVariable('BROADCAST_WEEK_START', '')
  BULK_WEIGHTS: readEnvironmentVariable('BULK_WEIGHTS', '')
  CALCOM_BASE_URL: readEnvironmentVariable('CALCOM_BASE_URL', '')
  CAMPAIGN_VARIABLES: readEnvironmentVariable('CAMPAIGN_VARIABLES', '')
  CAPTCHA_ACTION: readEnvironmentVariable('CAPTCHA_ACTION', '')
  CARTS_DISCOUNT_DAYS: readEnvironmentVariable('CARTS_DISCOUNT_DAYS', '')
  CARTS_MAKE_DISCOUNTS: readEnvironmentVariable('CARTS_MAKE_DISCOUNTS', '')
  CARTS_RECOVERY_DAYS: readEnvironmentVariable('CARTS_RECOVERY_DAYS', '')
  CARTS_TIME_ZONE: readEnvironmentVariable('CARTS_TIME_ZONE', '')
  CARTS_WHATSAPP: readEnvironmentVariable('CARTS_WHATSAPP', '')
  COLLECT_POISON_SCHEDULE: readEnvironmentVariable('COLLECT_POISON_SCHEDULE', '30 * * * * *')
  CONSOLE_SIGN_IN: readEnvironmentVariable('CONSOLE_SIGN_IN', '')
  CONSOLE_TITLE: readEnvironmentVariable('CONSOLE_TITLE', '')
  COORDINATIONS_APPROVAL: readEnvironmentVariable('COORDINATIONS_APPROVAL', '')
  COORDINATIONS_APPROVAL_MINUTES: readEnvironmentVariable('COORDINATIONS_APPROVAL_MINUTES', '')
  COORDINATIONS_APPROVERS: readEnvironmentVariable('COORDINATIONS_APPROVERS', '')
  COORDINATIONS_BOT: readEnvironmentVariable('COORDINATIONS_BOT', '')
  COORDINATIONS_FAILED_MESSAGE: readEnvironmentVariable('COORDINATIONS_FAILED_MESSAGE', '')
  COORDINATIONS_GIVE_UP_MINUTES: readEnvironmentVariable('COORDINATIONS_GIVE_UP_MINUTES', '')
  COORDINATIONS_MESSAGE: readEnvironmentVariable('COORDINATIONS_MESSAGE', '')
  COORDINATIONS_ON_FAILURE: readEnvironmentVariable('COORDINATIONS_ON_FAILURE', '')
  COORDINATIONS_PROCESS: readEnvironmentVariable('COORDINATIONS_PROCESS', '')
  COORDINATIONS_ROBOT_BY: readEnvironmentVariable('COORDINATIONS_ROBOT_BY', '')
  COORDINATIONS_TASK: readEnvironmentVariable('COORDINATIONS_TASK', '')
  COORDINATIONS_UNDO_BOT: readEnvironmentVariable('COORDINATIONS_UNDO_BOT', '')
  COORDINATIONS_WAIT_MINUTES: readEnvironmentVariable('COORDINATIONS_WAIT_MINUTES', '')
  DATABASE_LONG_STATEMENT_SECONDS: readEnvironmentVariable('DATABASE_LONG_STATEMENT_SECONDS', '')
  DATABASE_POOL_OVERFLOW: readEnvironmentVariable('DATABASE_POOL_OVERFLOW', '')
  DATABASE_POOL_SIZE: readEnvironmentVariable('DATABASE_POOL_SIZE', '')
  DATABASE_POOL_WAIT_SECONDS: readEnvironmentVariable('DATABASE_POOL_WAIT_SECONDS', '')
  DATABASE_STATEMENT_SECONDS: readEnvironmentVariable('DATABASE_STATEMENT_SECONDS', '')
  DEFAULT_CURRENCY: readEnvironmentVariable('DEFAULT_CURRENCY', '')
  DEFAULT_LOCALE: readEnvironmentVariable('DEFAULT_LOCALE', '')
  DEFAULT_PHONE_REGION: readEnvironmentVariable('DEFAULT_PHONE_REGION', '')
  DEFAULT_TIME_ZONE: readEnvironmentVariable('DEFAULT_TIME_ZONE', '')
  DELIVERY_LEASE_SECONDS: readEnvironmentVariable('DELIVERY_LEASE_SECONDS', '')
  DELIVERY_LONGEST_SECONDS: readEnvironmentVariable('DELIVERY_LONGEST_SECONDS', '')
  DISCOUNT_CODE: readEnvironmentVariable('DISCOUNT_CODE', '')
  DISCOUNT_PERCENT: readEnvironmentVariable('DISCOUNT_PERCENT', '')
  DISPATCH_SCHEDULE: readEnvironmentVariable('DISPATCH_SCHEDULE', '*/30 * * * * *')
  DOCUMENTINTELLIGENCE_API_VERSION: readEnvironmentVariable('DOCUMENTINTELLIGENCE_API_VERSION', '')
  DOCUMENTINTELLIGENCE_ENDPOINT: readEnvironmentVariable('DOCUMENTINTELLIGENCE_ENDPOINT', '')
  DOCUMENTINTELLIGENCE_LOCALE: readEnvironmentVariable('DOCUMENTINTELLIGENCE_LOCALE', '')
  EMAIL_PROVIDER: readEnvironmentVariable('EMAIL_PROVIDER', '')
  ENTRA_CLIENT_ID: readEnvironmentVariable('ENTRA_CLIENT_ID', '')
  ENTRA_LICENSE_SKU: readEnvironmentVariable('ENTRA_LICENSE_SKU', '')
  ENTRA_TENANT: readEnvironmentVariable('ENTRA_TENANT', '')
  ENTRA_USAGE_LOCATION: readEnvironmentVariable('ENTRA_USAGE_LOCATION', '')
  EXECUTION_LOG_DAYS: readEnvironmentVariable('EXECUTION_LOG_DAYS', '')
  FLOWABLE_BASE_URL: readEnvironmentVariable('FLOWABLE_BASE_URL', '')
  FLOWABLE_TENANT: readEnvironmentVariable('FLOWABLE_TENANT', '')
  GOOGLE_ADMIN_EMAIL: readEnvironmentVariable('GOOGLE_ADMIN_EMAIL', '')
  GOOGLE_CALENDAR_BASE_URL: readEnvironmentVariable('GOOGLE_CALENDAR_BASE_URL', '')
  GOOGLE_DIRECTORY_BASE_URL: readEnvironmentVariable('GOOGLE_DIRECTORY_BASE_URL', '')
  HOLIDAYS_COUNTRY: readEnvironmentVariable('HOLIDAYS_COUNTRY', '')
  HRIS_BASE_URL: readEnvironmentVariable('HRIS_BASE_URL', '')
  HUBSPOT_APP_IDS: readEnvironmentVariable('HUBSPOT_APP_IDS', '')
  HUBSPOT_BASE_URL: readEnvironmentVariable('HUBSPOT_BASE_URL', '')
  HUBSPOT_LEAD_PROPERTIES: readEnvironmentVariable('HUBSPOT_LEAD_PROPERTIES', '')
  HUBSPOT_LIFECYCLE: readEnvironmentVariable('HUBSPOT_LIFECYCLE', '')
  HUBSPOT_LIFECYCLE_STAGES: readEnvironmentVariable('HUBSPOT_LIFECYCLE_STAGES', '')
  HUBSPOT_MESSAGE_AT_ANY_HOUR: readEnvironmentVariable('HUBSPOT_MESSAGE_AT_ANY_HOUR', '')
  HUBSPOT_MESSAGE_HOURS: readEnvironmentVariable('HUBSPOT_MESSAGE_HOURS', '')
  HUBSPOT_MESSAGE_MAX_LENGTH: readEnvironmentVariable('HUBSPOT_MESSAGE_MAX_LENGTH', '')
  HUBSPOT_MESSAGE_NAME: readEnvironmentVariable('HUBSPOT_MESSAGE_NAME', '')
  HUBSPOT_OWN_WRITES: readEnvironmentVariable('HUBSPOT_OWN_WRITES', '')
  HUBSPOT_PROP_ESTADO_INTERES: readEnvironmentVariable('HUBSPOT_PROP_ESTADO_INTERES', '')
  HUBSPOT_PROP_INTERES_PRODUCTO: readEnvironmentVariable('HUBSPOT_PROP_INTERES_PRODUCTO', '')
  HUBSPOT_PROP_MANYCHAT_USER_ID: readEnvironmentVariable('HUBSPOT_PROP_MANYCHAT_USER_ID', '')
  HUBSPOT_SIGNATURE_VERSIONS: readEnvironmentVariable('HUBSPOT_SIGNATURE_VERSIONS', '')
  INVOICES_FINANCE_EMAIL: readEnvironmentVariable('INVOICES_FINANCE_EMAIL', '')
  INVOICES_FROM_ODOO: readEnvironmentVariable('INVOICES_FROM_ODOO', '')
  INVOICES_LARGE_FROM: readEnvironmentVariable('INVOICES_LARGE_FROM', '')
  INVOICES_LEAST_OPEN: readEnvironmentVariable('INVOICES_LEAST_OPEN', '')
  INVOICES_LOOK_AT: readEnvironmentVariable('INVOICES_LOOK_AT', '')
  INVOICES_ODOO_COMPANY: readEnvironmentVariable('INVOICES_ODOO_COMPANY', '')
  INVOICES_PAYMENT_URL: readEnvironmentVariable('INVOICES_PAYMENT_URL', '')
  INVOICES_PER_CUSTOMER_PER_DAY: readEnvironmentVariable('INVOICES_PER_CUSTOMER_PER_DAY', '')
  INVOICES_REMINDERS_PER_DAY: readEnvironmentVariable('INVOICES_REMINDERS_PER_DAY', '')
  INVOICES_STAGES: readEnvironmentVariable('INVOICES_STAGES', '')
  INVOICES_TERMS_DAYS: readEnvironmentVariable('INVOICES_TERMS_DAYS', '')
  INVOICES_TIME_ZONE: readEnvironmentVariable('INVOICES_TIME_ZONE', '')
  INVOICES_WHATSAPP_CRITICAL: readEnvironmentVariable('INVOICES_WHATSAPP_CRITICAL', '')
  KOMMO_BASE_URL: readEnvironmentVariable('KOMMO_BASE_URL', '')
  KOMMO_FIELD_ID_EMPRESA: readEnvironmentVariable('KOMMO_FIELD_ID_EMPRESA', '')
  KOMMO_FIELD_ID_FUENTE: readEnvironmentVariable('KOMMO_FIELD_ID_FUENTE', '')
  KOMMO_FIELD_ID_SERVICIO: readEnvironmentVariable('KOMMO_FIELD_ID_SERVICIO', '')
  KOMMO_PIPELINE_ID: readEnvironmentVariable('KOMMO_PIPELINE_ID', '')
  KOMMO_REQUESTS_PER_SECOND: readEnvironmentVariable('KOMMO_REQUESTS_PER_SECOND', '')
  KOMMO_STATUS_ID_AGENDADO: readEnvironmentVariable('KOMMO_STATUS_ID_AGENDADO', '')
  KOMMO_STATUS_ID_INICIAL: readEnvironmentVariable('KOMMO_STATUS_ID_INICIAL', '')
  LEAD_ALLOWED_ORIGINS: readEnvironmentVariable('LEAD_ALLOWED_ORIGINS', '')
  LEAD_FIRST_CONTACTS_PER_HOUR: readEnvironmentVariable('LEAD_FIRST_CONTACTS_PER_HOUR', '')
  LEAD_FORMS_PER_ADDRESS_PER_DAY: readEnvironmentVariable('LEAD_FORMS_PER_ADDRESS_PER_DAY', '')
  LEAD_HONEYPOT_FIELD: readEnvironmentVariable('LEAD_HONEYPOT_FIELD', '')
  LEAD_MAX_BODY_BYTES: readEnvironmentVariable('LEAD_MAX_BODY_BYTES', '')
  LEAD_PHONE_COUNTRIES: readEnvironmentVariable('LEAD_PHONE_COUNTRIES', '')
  LEAD_PHONE_TYPES: readEnvironmentVariable('LEAD_PHONE_TYPES', '')
  LEAD_POSTS_PER_MINUTE: readEnvironmentVariable('LEAD_POSTS_PER_MINUTE', '')
  LEAD_PROXIES: readEnvironmentVariable('LEAD_PROXIES', '')
  LEAD_SERVICES: readEnvironmentVariable('LEAD_SERVICES', '')
  LOG_FORMAT: readEnvironmentVariable('LOG_FORMAT', '')
  LOG_LEVEL: readEnvironmentVariable('LOG_LEVEL', '')
  MAX_BODY_BYTES: readEnvironmentVariable('MAX_BODY_BYTES', '')
  MEETINGS_BUFFER_MINUTES: readEnvironmentVariable('MEETINGS_BUFFER_MINUTES', '')
  MEETINGS_CALENDAR: readEnvironmentVariable('MEETINGS_CALENDAR', '')
  MEETINGS_DAYS: readEnvironmentVariable('MEETINGS_DAYS', '')
  MEETINGS_DAYS_AHEAD: readEnvironmentVariable('MEETINGS_DAYS_AHEAD', '')
  MEETINGS_HOURS: readEnvironmentVariable('MEETINGS_HOURS', '')
  MEETINGS_NOTICE_MINUTES: readEnvironmentVariable('MEETINGS_NOTICE_MINUTES', '')
  MEETINGS_REMINDER_MINUTES: readEnvironmentVariable('MEETINGS_REMINDER_MINUTES', '')
  MEETINGS_SLACK: readEnvironmentVariable('MEETINGS_SLACK', '')
  MEETINGS_STEP_MINUTES: readEnvironmentVariable('MEETINGS_STEP_MINUTES', '')
  MEETINGS_TIME_ZONE: readEnvironmentVariable('MEETINGS_TIME_ZONE', '')
  MEETINGS_WAIT_MINUTES: readEnvironmentVariable('MEETINGS_WAIT_MINUTES', '')
  MESSAGES_PER_PERSON_PER_DAY: readEnvironmentVariable('MESSAGES_PER_PERSON_PER_DAY', '')
  MESSAGES_PER_SECOND: readEnvironmentVariable('MESSAGES_PER_SECOND', '')
  META_BASE_URL: readEnvironmentVariable('META_BASE_URL', '')
  META_BUSINESS_ACCOUNT_ID: readEnvironmentVariable('META_BUSINESS_ACCOUNT_ID', '')
  META_NUMBERS: readEnvironmentVariable('META_NUMBERS', '')
  META_RESEND_AFTER_MINUTES: readEnvironmentVariable('META_RESEND_AFTER_MINUTES', '')
  META_TEMPLATES: readEnvironmentVariable('META_TEMPLATES', '')
  NOTION_CONTACTS_DB_ID: readEnvironmentVariable('NOTION_CONTACTS_DB_ID', '')
  NOTION_EMAIL_SEQUENCE_DB_ID: readEnvironmentVariable('NOTION_EMAIL_SEQUENCE_DB_ID', '')
  NOTION_PROPERTIES: readEnvironmentVariable('NOTION_PROPERTIES', '')
  NOTION_TEMPLATES_DB_ID: readEnvironmentVariable('NOTION_TEMPLATES_DB_ID', '')
  ODOO_API: readEnvironmentVariable('ODOO_API', '')
  ODOO_BATCH_SIZE: readEnvironmentVariable('ODOO_BATCH_SIZE', '')
  ODOO_CALLS_PER_SECOND: readEnvironmentVariable('ODOO_CALLS_PER_SECOND', '')
  ODOO_CAMPAIGN_CONTACTS: readEnvironmentVariable('ODOO_CAMPAIGN_CONTACTS', '')
  ODOO_DB: readEnvironmentVariable('ODOO_DB')
  ODOO_FIELD_MAP: readEnvironmentVariable('ODOO_FIELD_MAP', '')
  ODOO_QUIET: readEnvironmentVariable('ODOO_QUIET', '')
  ODOO_RECONCILE_MAX_SHARE: readEnvironmentVariable('ODOO_RECONCILE_MAX_SHARE', '')
  ODOO_RECONCILE_POLICY: readEnvironmentVariable('ODOO_RECONCILE_POLICY', '')
  ODOO_SYNC_MODE: readEnvironmentVariable('ODOO_SYNC_MODE', '')
  ODOO_TIMEOUT_SECONDS: readEnvironmentVariable('ODOO_TIMEOUT_SECONDS', '')
  ODOO_URL: readEnvironmentVariable('ODOO_URL')
  ODOO_USERNAME: readEnvironmentVariable('ODOO_USERNAME', '')
  OKTA_BASE_URL: readEnvironmentVariable('OKTA_BASE_URL', '')
  OKTA_CLIENT_ID: readEnvironmentVariable('OKTA_CLIENT_ID', '')
  OKTA_KEY_ID: readEnvironmentVariable('OKTA_KEY_ID', '')
  ONBOARDING_ADDRESS_RULE: readEnvironmentVariable('ONBOARDING_ADDRESS_RULE', '')
  ONBOARDING_CALENDAR: readEnvironmentVariable('ONBOARDING_CALENDAR', '')
  ONBOARDING_CALENDAR_IN: readEnvironmentVariable('ONBOARDING_CALENDAR_IN', '')
  ONBOARDING_CALENDAR_OWNER: readEnvironmentVariable('ONBOARDING_CALENDAR_OWNER', '')
  ONBOARDING_CALLBACK_URL: readEnvironmentVariable('ONBOARDING_CALLBACK_URL', '')
  ONBOARDING_DOMAINS: readEnvironmentVariable('ONBOARDING_DOMAINS', '')
  ONBOARDING_FOLLOWUPS: readEnvironmentVariable('ONBOARDING_FOLLOWUPS', '')
  ONBOARDING_HRIS: readEnvironmentVariable('ONBOARDING_HRIS', '')
  ONBOARDING_IDENTITY_PROVIDER: readEnvironmentVariable('ONBOARDING_IDENTITY_PROVIDER', '')
  ONBOARDING_IDP: readEnvironmentVariable('ONBOARDING_IDP', '')
  ONBOARDING_ON_PAYMENT: readEnvironmentVariable('ONBOARDING_ON_PAYMENT', '')
  ONBOARDING_SLACK: readEnvironmentVariable('ONBOARDING_SLACK', '')
  ONBOARDING_SLA_MINUTES: readEnvironmentVariable('ONBOARDING_SLA_MINUTES', '')
  ONBOARDING_TASKS: readEnvironmentVariable('ONBOARDING_TASKS', '')
  ONBOARDING_TEAMS: readEnvironmentVariable('ONBOARDING_TEAMS', '')
  ONBOARDING_TIME_ZONE: readEnvironmentVariable('ONBOARDING_TIME_ZONE', '')
  ONBOARDING_WELCOME: readEnvironmentVariable('ONBOARDING_WELCOME', '')
  ONBOARDING_WORKSPACE: readEnvironmentVariable('ONBOARDING_WORKSPACE', '')
  OPENAI_BASE_URL: readEnvironmentVariable('OPENAI_BASE_URL', '')
  OPENFLOW_BASE_URL: readEnvironmentVariable('OPENFLOW_BASE_URL', '')
  OPENFLOW_QUEUE: readEnvironmentVariable('OPENFLOW_QUEUE', '')
  OPENRPA_IGNORES_REPEATS: readEnvironmentVariable('OPENRPA_IGNORES_REPEATS', '')
  PAYMENTS_ALERT_ABOVE: readEnvironmentVariable('PAYMENTS_ALERT_ABOVE', '')
  PAYMENTS_ANALYSIS: readEnvironmentVariable('PAYMENTS_ANALYSIS', '')
  PAYMENTS_ANALYSIS_MODEL: readEnvironmentVariable('PAYMENTS_ANALYSIS_MODEL', '')
  PAYMENTS_ANALYSIS_PRICES: readEnvironmentVariable('PAYMENTS_ANALYSIS_PRICES', '')
  PAYMENTS_TIME_ZONE: readEnvironmentVariable('PAYMENTS_TIME_ZONE', '')
  PLAN_APPROVAL_ABOVE: readEnvironmentVariable('PLAN_APPROVAL_ABOVE', '')
  PUBLIC_BASE_URL: readEnvironmentVariable('PUBLIC_BASE_URL', '')
  QUIET_HOURS: readEnvironmentVariable('QUIET_HOURS', '')
  RECAPTCHA_MIN_SCORE: readEnvironmentVariable('RECAPTCHA_MIN_SCORE', '')
  RECONCILE_SCHEDULE: readEnvironmentVariable('RECONCILE_SCHEDULE', '0 15 8 * * *')
  REPORT_CURRENCY: readEnvironmentVariable('REPORT_CURRENCY', '')
  REPORT_MODEL_PRICES: readEnvironmentVariable('REPORT_MODEL_PRICES', '')
  REPORT_PRICES: readEnvironmentVariable('REPORT_PRICES', '')
  RESEND_FROM: readEnvironmentVariable('RESEND_FROM', '')
  RESOURCE_URL: readEnvironmentVariable('RESOURCE_URL', '')
  RETENTION_ACTION_LOG_DAYS: readEnvironmentVariable('RETENTION_ACTION_LOG_DAYS', '')
  RETENTION_APPROVAL_DAYS: readEnvironmentVariable('RETENTION_APPROVAL_DAYS', '')
  RETENTION_BROADCAST_DAYS: readEnvironmentVariable('RETENTION_BROADCAST_DAYS', '')
  RETENTION_CART_DAYS: readEnvironmentVariable('RETENTION_CART_DAYS', '')
  RETENTION_CLAIM_CHECK_DAYS: readEnvironmentVariable('RETENTION_CLAIM_CHECK_DAYS', '')
  RETENTION_COORDINATION_DAYS: readEnvironmentVariable('RETENTION_COORDINATION_DAYS', '')
  RETENTION_HUBSPOT_MESSAGE_DAYS: readEnvironmentVariable('RETENTION_HUBSPOT_MESSAGE_DAYS', '')
  RETENTION_INBOUND_DAYS: readEnvironmentVariable('RETENTION_INBOUND_DAYS', '')
  RETENTION_INBOX_DAYS: readEnvironmentVariable('RETENTION_INBOX_DAYS', '')
  RETENTION_INVOICE_DAYS: readEnvironmentVariable('RETENTION_INVOICE_DAYS', '')
  RETENTION_MEETING_DAYS: readEnvironmentVariable('RETENTION_MEETING_DAYS', '')
  RETENTION_MESSAGE_DAYS: readEnvironmentVariable('RETENTION_MESSAGE_DAYS', '')
  RETENTION_ONBOARDING_DAYS: readEnvironmentVariable('RETENTION_ONBOARDING_DAYS', '')
  RETENTION_PAYMENT_DAYS: readEnvironmentVariable('RETENTION_PAYMENT_DAYS', '')
  RETENTION_PLAN_DAYS: readEnvironmentVariable('RETENTION_PLAN_DAYS', '')
  RETENTION_SCHEDULE: readEnvironmentVariable('RETENTION_SCHEDULE', '0 40 7 * * *')
  RETENTION_SCORED_LEAD_DAYS: readEnvironmentVariable('RETENTION_SCORED_LEAD_DAYS', '')
  RETENTION_SYNC_DAYS: readEnvironmentVariable('RETENTION_SYNC_DAYS', '')
  RETENTION_TICKET_DAYS: readEnvironmentVariable('RETENTION_TICKET_DAYS', '')
  RETENTION_TICKET_FILE_DAYS: readEnvironmentVariable('RETENTION_TICKET_FILE_DAYS', '')
  RETRY_ERRORED_SCHEDULE: readEnvironmentVariable('RETRY_ERRORED_SCHEDULE', '0 */5 * * * *')
  SCORING_POINTS: readEnvironmentVariable('SCORING_POINTS', '')
  SCORING_PRIORITIES: readEnvironmentVariable('SCORING_PRIORITIES', '')
  SEGMENT_RULE: readEnvironmentVariable('SEGMENT_RULE', '')
  SENDINBLUE_SENDER_EMAIL: readEnvironmentVariable('SENDINBLUE_SENDER_EMAIL', '')
  SENDINBLUE_SENDER_NAME: readEnvironmentVariable('SENDINBLUE_SENDER_NAME', '')
  SHADOW: readEnvironmentVariable('SHADOW', '')
  SHOPIFY_API_VERSION: readEnvironmentVariable('SHOPIFY_API_VERSION', '')
  SHOPIFY_BASE_URL: readEnvironmentVariable('SHOPIFY_BASE_URL', '')
  SHOPIFY_CLIENT_ID: readEnvironmentVariable('SHOPIFY_CLIENT_ID', '')
  SHOPIFY_SHOP: readEnvironmentVariable('SHOPIFY_SHOP', '')
  SMTP_FROM: readEnvironmentVariable('SMTP_FROM', '')
  STORE_NAME: readEnvironmentVariable('STORE_NAME', '')
  STORE_URL: readEnvironmentVariable('STORE_URL', '')
  STRIPE_TEST_MODE: readEnvironmentVariable('STRIPE_TEST_MODE', '')
  SURVEY_URL: readEnvironmentVariable('SURVEY_URL', '')
  TICKETS_ANSWER_HOURS: readEnvironmentVariable('TICKETS_ANSWER_HOURS', '')
  TICKETS_ASK_UNPROVEN: readEnvironmentVariable('TICKETS_ASK_UNPROVEN', '')
  TICKETS_BELIEVED_DAYS: readEnvironmentVariable('TICKETS_BELIEVED_DAYS', '')
  TICKETS_DAY_ORDER: readEnvironmentVariable('TICKETS_DAY_ORDER', '')
  TICKETS_LARGEST_BYTES: readEnvironmentVariable('TICKETS_LARGEST_BYTES', '')
  TICKETS_LEAST_CONFIDENCE: readEnvironmentVariable('TICKETS_LEAST_CONFIDENCE', '')
  TICKETS_MEDIA_HOSTS: readEnvironmentVariable('TICKETS_MEDIA_HOSTS', '')
  TICKETS_MODEL: readEnvironmentVariable('TICKETS_MODEL', '')
  TICKETS_MODEL_PRICES: readEnvironmentVariable('TICKETS_MODEL_PRICES', '')
  TICKETS_MOST_PAGES: readEnvironmentVariable('TICKETS_MOST_PAGES', '')
  TICKETS_PLAUSIBLE_UP_TO: readEnvironmentVariable('TICKETS_PLAUSIBLE_UP_TO', '')
  TICKETS_READER: readEnvironmentVariable('TICKETS_READER', '')
  TICKETS_SENDERS: readEnvironmentVariable('TICKETS_SENDERS', '')
  TRACE_SHARE: readEnvironmentVariable('TRACE_SHARE', '')
  TWILIO_ACCOUNT_SID: readEnvironmentVariable('TWILIO_ACCOUNT_SID', '')
  TWILIO_CALLER_ID: readEnvironmentVariable('TWILIO_CALLER_ID', '')
  TWILIO_CONTENT_SIDS: readEnvironmentVariable('TWILIO_CONTENT_SIDS', '')
  TWILIO_SMS_SENDER: readEnvironmentVariable('TWILIO_SMS_SENDER', '')
  TWILIO_WHATSAPP_SENDER: readEnvironmentVariable('TWILIO_WHATSAPP_SENDER', '')
  WARM_AFTER_SECONDS: readEnvironmentVariable('WARM_AFTER_SECONDS', '3')
  WATCH_SCHEDULE: readEnvironmentVariable('WATCH_SCHEDULE', '15 * * * * *')
  WHATSAPP_PROVIDER: readEnvironmentVariable('WHATSAPP_PROVIDER', '')
  WOOCOMMERCE_BASE_URL: readEnvironmentVariable('WOOCOMMERCE_BASE_URL', '')
  WORKING_DAYS: readEnvironmentVariable('WORKING_DAYS', '')
  WORKSPACE_ORG_UNIT: readEnvironmentVariable('WORKSPACE_ORG_UNIT', '')
}

// The one table of secrets, made in the same way: values are in the vault only, put there by deploy/secrets.py.
param vaultSettings = {
  ALERT_WEBHOOK_URL: 'optional'
  API_KEYS: 'required'
  BREVO_WEBHOOK_SECRETS: 'optional'
  CALCOM_TOKEN: 'optional'
  CALCOM_WEBHOOK_SECRET: 'optional'
  CALENDLY_SIGNING_KEYS: 'optional'
  CALENDLY_TOKEN: 'optional'
  DIGEST_SECRETS: 'optional'
  DISCORD_WEBHOOK_URL: 'optional'
  DOCS_WEBHOOK_URL: 'optional'
  DOCUMENTINTELLIGENCE_KEY: 'optional'
  ENTRA_CLIENT_SECRET: 'optional'
  FLOWABLE_TOKEN: 'optional'
  GOOGLE_SERVICE_ACCOUNT: 'optional'
  HRIS_API_KEY: 'optional'
  HUBSPOT_CLIENT_SECRET: 'optional'
  HUBSPOT_TOKEN: 'optional'
  KOMMO_ACCESS_TOKEN: 'optional'
  LINK_SIGNING_SECRETS: 'optional'
  MANYCHAT_API_KEY: 'optional'
  MEETINGS_WEBHOOK_SECRETS: 'optional'
  META_ACCESS_TOKEN: 'optional'
  META_APP_SECRETS: 'optional'
  META_VERIFY_TOKEN: 'optional'
  NOTION_TOKEN: 'optional'
  ODOO_PASSWORD: 'required'
  OKTA_API_TOKEN: 'optional'
  OKTA_PRIVATE_KEY: 'optional'
  ONBOARDING_CALLBACK_SECRET: 'optional'
  ONBOARDING_WEBHOOK_SECRETS: 'optional'
  OPENAI_API_KEY: 'optional'
  OPENFLOW_PUSH_URL: 'optional'
  OPENFLOW_TOKEN: 'optional'
  OPENRPA_TOKEN: 'optional'
  OPENRPA_WEBHOOK_URL: 'optional'
  RECAPTCHA_SECRET: 'optional'
  RESEND_API_KEY: 'optional'
  RESEND_WEBHOOK_SECRETS: 'optional'
  SENDINBLUE_API_KEY: 'optional'
  SHEETS_TOKEN: 'optional'
  SHEETS_WEBHOOK_URL: 'optional'
  SHOPIFY_ACCESS_TOKEN: 'optional'
  SHOPIFY_CLIENT_SECRET: 'optional'
  SHOPIFY_WEBHOOK_SECRETS: 'optional'
  SLACK_WEBHOOK_URL: 'optional'
  SMTP_URL: 'optional'
  STRIPE_SIGNING_SECRET: 'optional'
  TEAMS_WEBHOOK_URL: 'optional'
  TICKETS_SHEET_TOKEN: 'optional'
  TICKETS_SHEET_URL: 'optional'
  TURNSTILE_SECRET: 'optional'
  TWILIO_AUTH_TOKEN: 'optional'
  WOOCOMMERCE_CONSUMER_KEY: 'optional'
  WOOCOMMERCE_CONSUMER_SECRET: 'optional'
  WOOCOMMERCE_WEBHOOK_SECRETS: 'optional'
}
param secretsInVault = split(readEnvironmentVariable('PUENTE_SECRETS', ''), ',')

// Made and remembered by deploy/sign_in.py. With CONSOLE_SIGN_IN as `key` operators sign in with API keys all the same.
param consoleClientId = readEnvironmentVariable('PUENTE_CONSOLE_CLIENT_ID', '')

param alertEmails = split(readEnvironmentVariable('PUENTE_ALERT_EMAILS'), ',')
param monthlyBudget = int(readEnvironmentVariable('PUENTE_MONTHLY_BUDGET', '100'))
param budgetStart = readEnvironmentVariable('PUENTE_BUDGET_START', '')

param privateNetwork = bool(readEnvironmentVariable('PUENTE_PRIVATE_NETWORK', 'false'))
param zoneRedundant = bool(readEnvironmentVariable('PUENTE_ZONE_REDUNDANT', 'false'))
param deletionLock = bool(readEnvironmentVariable('PUENTE_DELETION_LOCK', 'false'))
// Two for webhooks: Azure drains single instances now and then, and ManyChat does not send again. One for deliveries: what waits
// for an answer (a confirmation, a call) would otherwise wait for a cold start.
param alwaysReady = json(readEnvironmentVariable('PUENTE_ALWAYS_READY', '[{"name": "http", "instanceCount": 2}, {"name": "function:deliver", "instanceCount": 1}]'))
param maximumInstanceCount = int(readEnvironmentVariable('PUENTE_MAXIMUM_INSTANCES', '40'))
param instancesCount = readEnvironmentVariable('PUENTE_INSTANCES_COUNT', 'app')
param instanceMemoryMB = readEnvironmentVariable('PUENTE_INSTANCE_MEMORY_MB', '2048')
param siteUpdateStrategy = readEnvironmentVariable('PUENTE_UPDATE_STRATEGY', 'RollingUpdate')
param storageSku = readEnvironmentVariable('PUENTE_STORAGE_SKU', 'Standard_ZRS')
param sqlAdmin = json(readEnvironmentVariable('PUENTE_SQL_ADMIN', '{}'))
param sqlMaxVCores = readEnvironmentVariable('PUENTE_SQL_MAX_VCORES', '4')
param sqlMinVCores = readEnvironmentVariable('PUENTE_SQL_MIN_VCORES', '0.5')
param sqlAutoPauseMinutes = int(readEnvironmentVariable('PUENTE_SQL_AUTO_PAUSE_MINUTES', '-1'))
param sqlMaxSizeGB = int(readEnvironmentVariable('PUENTE_SQL_MAX_SIZE_GB', '32'))
param sqlBackupRedundancy = readEnvironmentVariable('PUENTE_SQL_BACKUP_REDUNDANCY', 'Geo')
param logDailyCapGB = int(readEnvironmentVariable('PUENTE_LOG_DAILY_CAP_GB', '5'))
