// Every role assignment of the system, with its reason. Nothing else in the template grants anything.
@description('Name of the storage account.')
param storageName string
@description('Container of the app package.')
param packageContainer string
@description('Name of the vault with the settings of the app.')
param vaultName string
@description('Name of the vault with the texts of the API keys, which the app never needs.')
param keysVaultName string
@description('Name of the Application Insights component.')
param insightsName string
@description('Object id of the identity the app runs as.')
param appPrincipalId string
@description('Object id of the identity with which the platform stores and reads the package.')
param packagePrincipalId string
@description('Object id of who deploys.')
param deployerPrincipalId string
@description('User or ServicePrincipal.')
param deployerPrincipalType string

var roleIds = {
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // locks and timer records of the host, claim-check blobs; not the package
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // the package, for the platform that stores and reads it
  storageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // read, write and make queues, poison queues among them
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6' // read the values behind the references
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' // write secrets; only who deploys
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb' // send telemetry without a key
}

// Whoever runs code in the app cannot replace that code: of the package the app's own identity may read only.
var blobData = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
var changesOfBlobs = [
  'write'
  'add/action'
  'delete'
  'deleteBlobVersion/action'
  'permanentDelete/action'
  'move/action'
  'tags/write'
  'immutableStorage/runAsSuperUser/action'
  'manageOwnership/action'
  'modifyPermissions/action'
  'runAsSuperUser/action'
]
var isNoChange = join(map(changesOfBlobs, change => '!(ActionMatches{\'${blobData}/${change}\'})'), ' AND ')
var isElsewhere = '@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringNotEquals \'${packageContainer}\''
var allButThePackage = '((${isNoChange}) OR (${isElsewhere}))'

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  parent: storage
  name: 'default'
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = {
  parent: blobs
  name: packageContainer
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource keysVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keysVaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource appOnBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, appPrincipalId, roleIds.storageBlobDataOwner)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataOwner)
    conditionVersion: '2.0'
    condition: allButThePackage
  }
}

resource appOnQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, appPrincipalId, roleIds.storageQueueDataContributor)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roleIds.storageQueueDataContributor
    )
  }
}

resource platformOnPackage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: package
  name: guid(package.id, packagePrincipalId, roleIds.storageBlobDataContributor)
  properties: {
    principalId: packagePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roleIds.storageBlobDataContributor
    )
  }
}

resource appOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, appPrincipalId, roleIds.keyVaultSecretsUser)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.keyVaultSecretsUser)
  }
}

resource appOnInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, appPrincipalId, roleIds.monitoringMetricsPublisher)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roleIds.monitoringMetricsPublisher
    )
  }
}

resource deployerOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, deployerPrincipalId, roleIds.keyVaultSecretsOfficer)
  properties: {
    principalId: deployerPrincipalId
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.keyVaultSecretsOfficer)
  }
}

resource deployerOnKeysVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: keysVault
  name: guid(keysVault.id, deployerPrincipalId, roleIds.keyVaultSecretsOfficer)
  properties: {
    principalId: deployerPrincipalId
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.keyVaultSecretsOfficer)
  }
}
