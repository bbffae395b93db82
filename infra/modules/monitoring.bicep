// Logs and metrics: one workspace, one Application Insights on it, both without keys.
@description('Name of the Log Analytics workspace.')
param workspaceName string
@description('Name of the Application Insights component.')
param insightsName string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Days that logs are kept.')
param retentionDays int
@description('Most GB taken in a day; -1 is no limit.')
param dailyCapGB int

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    workspaceCapping: { dailyQuotaGb: dailyCapGB }
    features: { enableLogAccessUsingOnlyResourcePermissions: true, disableLocalAuth: true }
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

// Sampling happens in the host (host.json keeps every line and exception, and a share of the requests with what each stands for): 100 % here.
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    SamplingPercentage: 100
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

output workspaceId string = workspace.id
output insightsId string = insights.id
output insightsName string = insights.name
output insightsConnectionString string = insights.properties.ConnectionString
