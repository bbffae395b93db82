// Our own record: Azure SQL, serverless, Microsoft Entra identities only.
@description('Name of the server.')
param serverName string
@description('Name of the database.')
param databaseName string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Microsoft Entra administrator: {name, objectId, type}.')
param admin object
@description('Most vCores.')
param maxVCores int
@description('Least vCores, as text.')
param minVCores string
@description('Minutes without use until it pauses; -1 never.')
param autoPauseMinutes int
@description('Largest size in GB.')
param maxSizeGB int
@description('Where backups are kept.')
param backupRedundancy string
@description('Days over which any second can be restored.')
param backupDays int
@description('Spread over the buildings of the region.')
param zoneRedundant bool
@description('Closed to the Internet.')
param isPrivate bool
@description('Refuse deletion.')
param deletionLock bool
@description('Workspace that takes the audit log.')
param workspaceId string

resource server 'Microsoft.Sql/servers@2023-08-01' = {
  name: serverName
  location: location
  tags: tags
  properties: {
    version: '12.0'
    minimalTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    administrators: {
      administratorType: 'ActiveDirectory'
      azureADOnlyAuthentication: true
      login: admin.name
      sid: admin.objectId
      principalType: admin.type
      tenantId: tenant().tenantId
    }
  }
}

resource database 'Microsoft.Sql/servers/databases@2023-08-01' = {
  parent: server
  name: databaseName
  location: location
  tags: tags
  sku: { name: 'GP_S_Gen5', tier: 'GeneralPurpose', family: 'Gen5', capacity: maxVCores }
  properties: {
    // Texts are equal if every character is, as in SQLite: Azure's default takes `a1` and `A1` for one person. It cannot be
    // changed afterwards (docs/decisions/0011-exact-comparison.md).
    collation: 'Latin1_General_100_BIN2'
    autoPauseDelay: autoPauseMinutes
    minCapacity: json(minVCores)
    maxSizeBytes: maxSizeGB * 1073741824
    requestedBackupStorageRedundancy: backupRedundancy
    zoneRedundant: zoneRedundant
  }
}

resource shortTermBackup 'Microsoft.Sql/servers/databases/backupShortTermRetentionPolicies@2023-08-01' = {
  parent: database
  name: 'default'
  properties: { retentionDays: backupDays, diffBackupIntervalInHours: 12 }
}

// A database that may pause cannot have long-term backups.
resource longTermBackup 'Microsoft.Sql/servers/databases/backupLongTermRetentionPolicies@2023-08-01' = if (autoPauseMinutes == -1) {
  parent: database
  name: 'default'
  properties: { weeklyRetention: 'P5W', monthlyRetention: 'P3M' }
  dependsOn: [shortTermBackup]
}

// Without a private network the app has no address of its own, so Azure's addresses must be let in; Entra decides who gets further.
resource azureAddresses 'Microsoft.Sql/servers/firewallRules@2023-08-01' = if (!isPrivate) {
  parent: server
  name: 'AllowAllWindowsAzureIps'
  properties: { startIpAddress: '0.0.0.0', endIpAddress: '0.0.0.0' }
}

resource auditing 'Microsoft.Sql/servers/auditingSettings@2023-08-01' = {
  parent: server
  name: 'default'
  properties: {
    state: 'Enabled'
    isAzureMonitorTargetEnabled: true
    // Who logged in, and who changed users, roles or tables; not every query: they hold nothing that the action log lacks.
    auditActionsAndGroups: [
      'SUCCESSFUL_DATABASE_AUTHENTICATION_GROUP'
      'FAILED_DATABASE_AUTHENTICATION_GROUP'
      'DATABASE_ROLE_MEMBER_CHANGE_GROUP'
      'DATABASE_PRINCIPAL_CHANGE_GROUP'
      'DATABASE_PERMISSION_CHANGE_GROUP'
      'SCHEMA_OBJECT_CHANGE_GROUP'
    ]
  }
}

// The audit of the whole server arrives through its database `master`.
resource master 'Microsoft.Sql/servers/databases@2023-08-01' existing = {
  parent: server
  name: 'master'
}

resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: master
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'SQLSecurityAuditEvents', enabled: true }]
  }
  dependsOn: [auditing]
}

resource databaseLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: database
  name: 'health'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'Errors', enabled: true }
      { category: 'Timeouts', enabled: true }
      { category: 'Deadlocks', enabled: true }
    ]
    metrics: [{ category: 'Basic', enabled: true }]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (deletionLock) {
  // On the database, not the server: there it would also keep the firewall rule of a deployment from being removed.
  scope: database
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Our own record. See docs/deploy.md, "Tearing down".' }
}

output serverId string = server.id
output serverAddress string = server.properties.fullyQualifiedDomainName
output databaseId string = database.id
