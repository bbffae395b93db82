// Puente in Azure, whole: `azd up`, or `az deployment sub create --location <region> --parameters infra/main.bicepparam`.
// One module for each concern; every name is in the table `names`; every value that differs between environments is in main.bicepparam.
targetScope = 'subscription'

@description('Short name of the environment, such as dev or prod. Part of every name, so two environments never meet.')
@minLength(2)
@maxLength(12)
param environmentName string

@description('Azure region of everything. Flex Consumption must offer Python 3.13 there: az functionapp list-flexconsumption-runtimes --location <region> --runtime python')
param location string

@description('Who deploys: object id of the person or service principal. May write secrets into the vault; administers the database unless sqlAdmin says otherwise.')
param principalId string

@description('What principalId is.')
@allowed(['User', 'ServicePrincipal'])
param principalType string = 'User'

@description('Plain app settings, by name. An empty value leaves the default of the settings class in force.')
param settings object

@description('Secret app settings, by name: required (always referenced) or optional (referenced once secretsInVault names it).')
param vaultSettings object

@description('Names of the secret settings that are in the vault by now; deploy/secrets.py keeps the list.')
param secretsInVault array = []

@description('Runtime that the tests run on.')
@allowed(['3.13'])
param pythonVersion string = '3.13'

@description('Memory of one instance in MB: 512 (a quarter core), 2048 (one core) or 4096 (two cores).')
@allowed(['512', '2048', '4096'])
param instanceMemoryMB string = '2048'

@description('Most instances at once. Azure counts those of the app, or those of each function group: docs/scale.md, "Connections".')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('What the maximum counts in this region: the instances of the app, or those of each function group. Only deploy/limits.py reckons with it.')
@allowed(['app', 'group'])
param instancesCount string = 'app'

@description('Instances that are always warm: {name, instanceCount}; name is http or function:<function name>. With zones two of each.')
param alwaysReady array = []

@description('Requests that one instance handles at once. Unset, Python gets 1.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('RollingUpdate drains instances in batches; Recreate stops all at once. See docs/deploy.md, "Updating without losing an event".')
@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string = 'RollingUpdate'

@description('Private endpoints for storage, database and vault, and a fixed outbound address; nothing but the app answers on the Internet.')
param privateNetwork bool = false

@description('Spread app and database over the buildings of the region, where it has several; costs more (docs/cost.md).')
param zoneRedundant bool = false

@description('Microsoft Entra administrator of the database: {name, objectId, type}; type is User, Group or Application. Empty: who deploys.')
param sqlAdmin object = {}

@description('Most vCores of the serverless database.')
@allowed(['1', '2', '4', '6', '8', '10', '12', '14', '16', '18', '20', '24', '32', '40'])
param sqlMaxVCores string = '4'

@description('Least vCores of the serverless database, as text because it may be a fraction.')
@allowed(['0.5', '0.75', '1', '1.25', '1.5', '1.75', '2', '2.25', '2.5', '3', '4', '5', '6', '8'])
param sqlMinVCores string = '0.5'

@description('Minutes without use after which the database pauses; -1 never. Our timers look every 30 seconds, so pausing needs slower timers: docs/cost.md.')
param sqlAutoPauseMinutes int = -1

@description('Largest size of the database in GB.')
@minValue(1)
@maxValue(4096)
param sqlMaxSizeGB int = 32

@description('Where backups are kept: Geo can be restored in another region.')
@allowed(['Local', 'Zone', 'Geo', 'GeoZone'])
param sqlBackupRedundancy string = 'Geo'

@description('Days over which the database can be restored to any second.')
@minValue(1)
@maxValue(35)
param sqlBackupDays int = 14

@description('Copies of the storage account. ZRS survives the loss of a building; GZRS also that of the region.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_ZRS'

@description('Days that the bodies of large events are kept. A dead letter with a large body can be replayed for so long.')
@minValue(30)
@maxValue(365)
param claimCheckDays int = 90

@description('Days that logs are kept.')
@allowed([30, 60, 90, 120, 180, 365])
param logRetentionDays int = 90

@description('Most GB of logs taken in a day; -1 is no limit. Reached, alerts go blind until midnight UTC, so it is a brake for accidents only.')
param logDailyCapGB int = 5

@description('E-mail addresses that alerts go to.')
param alertEmails array

@description('Monthly budget in the currency of the subscription; 0 is none.')
@minValue(0)
param monthlyBudget int = 100

@description('First day of the month in which the budget began, YYYY-MM-01; it cannot be changed later. Empty: this month.')
param budgetStart string = ''

@description('Client id of the app registration with which operators sign in to the console; deploy/sign_in.py makes it. Empty: with API keys.')
param consoleClientId string = ''

@description('Refuse to delete the database server and the vault until the locks are removed.')
param deletionLock bool = false

@description('This month, for a budget that does not exist yet. Leave it alone.')
param thisMonth string = utcNow('yyyy-MM-01')

var token = uniqueString(subscription().id, environmentName, location)
var shortName = toLower(environmentName)
var tags = { 'azd-env-name': environmentName, project: 'puente' }

// The one table of names. Storage accounts and vaults have at most 24 characters, the former no dashes.
var names = {
  resourceGroup: 'rg-puente-${shortName}'
  identity: 'id-puente-${shortName}-${token}'
  packageIdentity: 'id-puente-package-${shortName}-${token}'
  plan: 'plan-puente-${shortName}-${token}'
  functionApp: 'func-puente-${shortName}-${token}'
  storage: 'stpuente${token}'
  vault: 'kv-puente-${token}'
  keysVault: 'kv-pkeys-${token}'
  sqlServer: 'sql-puente-${shortName}-${token}'
  database: 'puente'
  workspace: 'log-puente-${shortName}-${token}'
  insights: 'appi-puente-${shortName}-${token}'
  actionGroup: 'ag-puente-${shortName}'
  chatAlerts: 'logic-puente-${shortName}-${token}'
  network: 'vnet-puente-${shortName}-${token}'
  budget: 'budget-puente-${shortName}'
  packageContainer: 'app-package'
}

// Every queue that the flows declare (`make docs` writes the file); the host keeps what it gives up on in `<queue>-poison`.
var queues = loadJsonContent('flows.json').queues

var secretNames = filter(
  objectKeys(vaultSettings),
  name => (vaultSettings[name] == 'required' || contains(secretsInVault, name))
)
var vaultSecrets = 'https://${names.vault}${environment().suffixes.keyvaultDns}/secrets'
// Without a version the newest counts, so a rotated secret arrives within a day, or at once with deploy/secrets.py.
var secretReferences = toObject(
  secretNames,
  name => name,
  name => '@Microsoft.KeyVault(SecretUri=${vaultSecrets}/${toLower(replace(name, '_', '-'))}/)'
)
// The host turns larger bodies away before the app sees any of them; 1 MiB is what the app takes where nothing is said.
var largestBody = settings.MAX_BODY_BYTES
var hostLimits = { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: empty(largestBody) ? '1048576' : largestBody }
var ownAddress = { PUBLIC_BASE_URL: 'https://${names.functionApp}.azurewebsites.net' }
var givenSettings = toObject(filter(items(settings), row => (row.value != '')), row => (row.key), row => (row.value))

// Both or neither: whoever could send the header of App Service Authentication where it is off would be anybody they like.
var signsInByEntra = !empty(consoleClientId) && (settings.CONSOLE_SIGN_IN != 'key')
var consoleSignIn = { CONSOLE_SIGN_IN: signsInByEntra ? 'entra' : 'key' }

var admin = empty(sqlAdmin)
  ? { name: 'puente-deployer', objectId: principalId, type: principalType == 'User' ? 'User' : 'Application' }
  : sqlAdmin

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: names.resourceGroup
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: names.identity, location: location, tags: tags }
}

module packageIdentity 'modules/identity.bicep' = {
  scope: group
  params: { name: names.packageIdentity, location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: names.workspace
    insightsName: names.insights
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyCapGB: logDailyCapGB
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  params: {
    name: names.network
    location: location
    tags: tags
    resourceIds: { storage: storage.outputs.id, sql: sql.outputs.serverId, vault: vault.outputs.id }
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: names.storage
    location: location
    tags: tags
    sku: storageSku
    queues: queues
    packageContainer: names.packageContainer
    claimCheckDays: claimCheckDays
    isPrivate: privateNetwork
    workspaceId: monitoring.outputs.workspaceId
  }
}

module sql 'modules/sql.bicep' = {
  scope: group
  params: {
    serverName: names.sqlServer
    databaseName: names.database
    location: location
    tags: tags
    admin: admin
    maxVCores: int(sqlMaxVCores)
    minVCores: sqlMinVCores
    autoPauseMinutes: sqlAutoPauseMinutes
    maxSizeGB: sqlMaxSizeGB
    backupRedundancy: sqlBackupRedundancy
    backupDays: sqlBackupDays
    zoneRedundant: zoneRedundant
    isPrivate: privateNetwork
    deletionLock: deletionLock
    workspaceId: monitoring.outputs.workspaceId
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: {
    name: names.vault
    location: location
    tags: tags
    isPrivate: privateNetwork
    readByTemplates: true
    deletionLock: deletionLock
    workspaceId: monitoring.outputs.workspaceId
  }
}

// The texts of the API keys, for the people who give them to senders. The app has their hashes, and no role here.
module keysVault 'modules/vault.bicep' = {
  scope: group
  params: {
    name: names.keysVault
    location: location
    tags: tags
    isPrivate: privateNetwork
    readByTemplates: false
    deletionLock: deletionLock
    workspaceId: monitoring.outputs.workspaceId
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  params: {
    storageName: storage.outputs.name
    packageContainer: names.packageContainer
    vaultName: vault.outputs.name
    keysVaultName: keysVault.outputs.name
    insightsName: monitoring.outputs.insightsName
    appPrincipalId: identity.outputs.principalId
    packagePrincipalId: packageIdentity.outputs.principalId
    deployerPrincipalId: principalId
    deployerPrincipalType: principalType
  }
}

module functions 'modules/functions.bicep' = {
  scope: group
  params: {
    planName: names.plan
    appName: names.functionApp
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    packageIdentityId: packageIdentity.outputs.id
    storageName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    insightsId: monitoring.outputs.insightsId
    sqlServerAddress: sql.outputs.serverAddress
    databaseName: names.database
    settings: union(ownAddress, hostLimits, givenSettings, consoleSignIn, secretReferences)
    pythonVersion: pythonVersion
    instanceMemoryMB: int(instanceMemoryMB)
    maximumInstanceCount: maximumInstanceCount
    // With fewer than two of each entry a zone redundant plan is refused.
    alwaysReady: zoneRedundant
      ? map(alwaysReady, entry => { name: entry.name, instanceCount: max(entry.instanceCount, 2) })
      : alwaysReady
    httpConcurrency: httpConcurrency
    siteUpdateStrategy: siteUpdateStrategy
    zoneRedundant: zoneRedundant
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    consoleClientId: signsInByEntra ? consoleClientId : ''
  }
  // The app reads its package, its secrets and its queues with these roles; it must not start without them.
  dependsOn: [roles]
}

resource existingVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  scope: group
  name: names.vault
}

var hasChat = contains(secretsInVault, 'ALERT_WEBHOOK_URL')

module chat 'modules/chat.bicep' = if (hasChat) {
  scope: group
  params: {
    name: names.chatAlerts
    location: location
    tags: tags
    webhookUrl: existingVault.getSecret('alert-webhook-url')
  }
  dependsOn: [vault]
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    actionGroupName: names.actionGroup
    location: location
    tags: tags
    emails: alertEmails
    chatWorkflowName: hasChat ? chat!.outputs.name : ''
    workspaceId: monitoring.outputs.workspaceId
    insightsId: monitoring.outputs.insightsId
    healthUrl: 'https://${functions.outputs.hostName}/health'
    budgetName: names.budget
    databaseId: sql.outputs.databaseId
    dailyCapGB: logDailyCapGB
    monthlyBudget: monthlyBudget
    budgetStart: empty(budgetStart) ? thisMonth : budgetStart
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: { location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId }
}

@description('Address of the app; webhooks go to https://<this>/api/v1/...')
output AZURE_FUNCTION_HOST string = functions.outputs.hostName
@description('Name of the function app.')
output AZURE_FUNCTION_NAME string = names.functionApp
@description('Resource group of everything.')
output AZURE_RESOURCE_GROUP string = names.resourceGroup
@description('Base address of the vault.')
output AZURE_KEY_VAULT_URL string = 'https://${names.vault}${environment().suffixes.keyvaultDns}'
@description('Name of the vault.')
output AZURE_KEY_VAULT_NAME string = names.vault
@description('Base address of the vault with the texts of the API keys.')
output AZURE_KEYS_VAULT_URL string = 'https://${names.keysVault}${environment().suffixes.keyvaultDns}'
@description('Name of the vault with the texts of the API keys.')
output AZURE_KEYS_VAULT_NAME string = names.keysVault
@description('Address of the database server.')
output AZURE_SQL_SERVER_ADDRESS string = sql.outputs.serverAddress
@description('Name of the database server.')
output AZURE_SQL_SERVER_NAME string = names.sqlServer
@description('Name of the database.')
output AZURE_SQL_DATABASE string = names.database
@description('Name of the storage account.')
output AZURE_STORAGE_NAME string = names.storage
@description('Name of the identity the app runs as; also its name as a user of the database.')
output AZURE_IDENTITY_NAME string = names.identity
@description('Client id of the identity the app runs as.')
output AZURE_IDENTITY_CLIENT_ID string = identity.outputs.clientId
@description('Whether database and vault are closed to the Internet.')
output AZURE_PRIVATE_NETWORK bool = privateNetwork
@description('What the maximum of instances counts; kept for the next deployment.')
output PUENTE_INSTANCES_COUNT string = instancesCount
@description('Client id of the app registration of the console; kept for the next deployment.')
output PUENTE_CONSOLE_CLIENT_ID string = consoleClientId
@description('Outbound address of the app, for allow lists of Odoo and others; empty without a private network.')
output AZURE_OUTBOUND_ADDRESS string = privateNetwork ? network!.outputs.outboundAddress : ''
