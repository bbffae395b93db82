// A vault. Roles decide who reads them; nothing in it can be purged before its time.
@description('Name of the vault.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Closed to the Internet.')
param isPrivate bool
@description('A template may be given values of it: the address of the chat alerts is handed to its workflow.')
param readByTemplates bool
@description('Refuse deletion.')
param deletionLock bool
@description('Workspace that takes the audit log.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForTemplateDeployment: readByTemplates
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: isPrivate ? 'Deny' : 'Allow' }
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (deletionLock) {
  scope: vault
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'The app cannot start without its secrets, and senders have theirs from here.' }
}

output id string = vault.id
output name string = vault.name
