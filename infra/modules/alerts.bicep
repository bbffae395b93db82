// What people are told, and how. The log alerts stand in watching/alerts.yaml, a runbook for each in docs/operate.md.
@description('Name of the action group.')
param actionGroupName string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('E-mail addresses that alerts go to.')
param emails array
@description('Workflow that passes alerts on to a chat; empty: none.')
param chatWorkflowName string
@description('Workspace that is asked.')
param workspaceId string
@description('Component that the availability test belongs to.')
param insightsId string
@description('Address that the availability test calls.')
param healthUrl string
@description('Name of the budget.')
param budgetName string
@description('Monthly budget; 0 is none.')
param monthlyBudget int
@description('First day of the month in which the budget began.')
param budgetStart string

@description('Most GB of logs taken in a day; -1 is no limit.')
param dailyCapGB int
@description('Id of the database.')
param databaseId string

var rules = loadYamlContent('../watching/alerts.yaml')
var testLocations = ['us-va-ash-azr', 'us-ca-sjc-azr', 'emea-nl-ams-azr']

resource chatWorkflow 'Microsoft.Logic/workflows@2019-05-01' existing = {
  name: empty(chatWorkflowName) ? 'none' : chatWorkflowName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'puente'
    enabled: true
    emailReceivers: map(emails, email => { name: email, emailAddress: email, useCommonAlertSchema: true })
    logicAppReceivers: empty(chatWorkflowName)
      ? []
      : [
          {
            name: 'chat'
            resourceId: chatWorkflow.id
            callbackUrl: listCallbackUrl('${chatWorkflow.id}/triggers/alert', '2019-05-01').value
            useCommonAlertSchema: true
          }
        ]
  }
}

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'puente-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'puente-${rule.name}'
      description: '${rule.says} Runbook: docs/operate.md#${rule.name}'
      severity: rule.severity
      enabled: true
      autoMitigate: true
      scopes: [workspaceId]
      evaluationFrequency: rule.every
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: replace(rule.query, 'DAILY_CAP_GB', string(dailyCapGB))
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: map(rule.by, dimension => { name: dimension, operator: 'Include', values: ['*'] })
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]

resource availability 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'puente-health'
  location: location
  tags: union(tags, { 'hidden-link:${insightsId}': 'Resource' })
  kind: 'standard'
  properties: {
    Name: 'puente-health'
    SyntheticMonitorId: 'puente-health'
    Kind: 'standard'
    Enabled: true
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: map(testLocations, place => { Id: place })
    Request: { RequestUrl: healthUrl, HttpVerb: 'GET', ParseDependentRequests: false }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 14 }
  }
}

resource unavailable 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'puente-unavailable'
  location: 'global'
  tags: tags
  properties: {
    description: 'The app does not answer on /health from two places. Runbook: docs/operate.md#unavailable'
    severity: 0
    enabled: true
    autoMitigate: true
    scopes: [availability.id, insightsId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: availability.id
      componentId: insightsId
      failedLocationCount: 2
    }
    actions: [{ actionGroupId: people.id }]
  }
}

// A full database takes no event any more; retention and a larger size take time.
resource databaseFilling 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for share in [70, 85]: {
    name: 'puente-database-${share}-percent'
    location: 'global'
    tags: tags
    properties: {
      description: 'The database is ${share} % full. Runbook: docs/operate.md#database-${share}-percent'
      severity: share == 70 ? 2 : 1
      enabled: true
      autoMitigate: true
      scopes: [databaseId]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT1H'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'used'
            metricName: 'storage_percent'
            metricNamespace: 'Microsoft.Sql/servers/databases'
            timeAggregation: 'Maximum'
            operator: 'GreaterThan'
            threshold: share
          }
        ]
      }
      actions: [{ actionGroupId: people.id }]
    }
  }
]

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = if (monthlyBudget > 0) {
  name: budgetName
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: { startDate: budgetStart }
    notifications: {
      eightyPercentSpent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: emails
        contactGroups: [people.id]
      }
      willBeExceeded: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: emails
        contactGroups: [people.id]
      }
    }
  }
}
