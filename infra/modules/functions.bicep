// The app on Flex Consumption: http functions scale together, every other function alone.
@description('Name of the plan.')
param planName string
@description('Name of the app.')
param appName string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Resource id of the identity the app runs as.')
param identityId string
@description('Client id of the identity the app runs as.')
param identityClientId string
@description('Resource id of the identity with which the platform stores and reads the package.')
param packageIdentityId string
@description('Name of the storage account.')
param storageName string
@description('Where the package is deployed to.')
param packageContainerUrl string
@description('Where telemetry goes; an address, no secret.')
param insightsConnectionString string
@description('Resource id of the same: the console links executions to their traces there.')
param insightsId string
@description('Address of the database server.')
param sqlServerAddress string
@description('Name of the database.')
param databaseName string
@description('App settings and references to secrets.')
param settings object
@description('Python version.')
param pythonVersion string
@description('Memory of one instance.')
param instanceMemoryMB int
@description('Most instances at once.')
param maximumInstanceCount int
@description('Instances that are always warm.')
param alwaysReady array
@description('Requests that one instance handles at once.')
param httpConcurrency int
@description('How running instances are replaced.')
param siteUpdateStrategy string
@description('Spread over the buildings of the region.')
param zoneRedundant bool
@description('Subnet that the app calls out from; empty: none.')
param subnetId string
@description('Client id of the app registration with which operators sign in; empty: App Service Authentication is off.')
param consoleClientId string

// What the platform and the addresses of the resources above settle. No secret is among them: every connection is by identity.
var platformSettings = {
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AZURE_SQL_CONNECTION_STRING: 'Driver={ODBC Driver 18 for SQL Server};Server=tcp:${sqlServerAddress},1433;Database=${databaseName};Authentication=ActiveDirectoryMsi;UID=${identityClientId};Encrypt=yes;TrustServerCertificate=no'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_RESOURCE_ID: insightsId
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  // host.json lets 24 messages of a queue run at once on an instance; Python's default on one core is 5 threads.
  PYTHON_THREADPOOL_THREAD_COUNT: '24'
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'puente' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {}, '${packageIdentityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      appSettings: map(items(union(settings, platformSettings)), row => { name: row.key, value: row.value })
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: packageIdentityId }
        }
      }
      runtime: { name: 'python', version: pythonVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReady
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      // In the documentation of Flex Consumption, not yet in the published types.
      #disable-next-line BCP037
      siteUpdateStrategy: { type: siteUpdateStrategy }
    }
  }
}

// Publishing goes by Microsoft Entra identity only; there is no password that could leak.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

// Signs operators in, and lets everybody else through: webhooks and the API know their callers themselves.
// It stands here when it is off as well, because a resource that is left out of the template stays as it was.
// Without a client secret the platform asks for an ID token alone, so there is no secret to keep and no token to store.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: !empty(consoleClientId), runtimeVersion: '~1' }
    globalValidation: { requireAuthentication: false, unauthenticatedClientAction: 'AllowAnonymous' }
    httpSettings: { requireHttps: true }
    login: { tokenStore: { enabled: false } }
    identityProviders: empty(consoleClientId)
      ? {}
      : {
          azureActiveDirectory: {
            enabled: true
            registration: {
              clientId: consoleClientId
              openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
            }
            validation: { allowedAudiences: [consoleClientId] }
          }
        }
  }
}

output hostName string = app.properties.defaultHostName
