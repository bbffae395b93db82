// Azure's alerts as a line in Discord or Slack. Neither reads Azure's own format, and the app cannot translate when it is what is down.
@description('Name of the workflow.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Incoming webhook of a Discord or Slack channel.')
@secure()
param webhookUrl string

var essentials = 'triggerBody()?[\'data\']?[\'essentials\']'
var line = 'Puente: @{${essentials}?[\'monitorCondition\']} @{${essentials}?[\'severity\']} @{${essentials}?[\'alertRule\']}: @{${essentials}?[\'description\']}'

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    state: 'Enabled'
    parameters: { webhookUrl: { value: webhookUrl } }
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      parameters: { webhookUrl: { type: 'SecureString' } }
      triggers: { alert: { type: 'Request', kind: 'Http', inputs: { schema: {} } } }
      actions: {
        tell: {
          type: 'Http'
          runAfter: {}
          inputs: {
            method: 'POST'
            uri: '@parameters(\'webhookUrl\')'
            headers: { 'Content-Type': 'application/json' }
            // Slack reads `text`, Discord reads `content`; each ignores the other.
            body: { text: line, content: line }
          }
          runtimeConfiguration: { secureData: { properties: ['inputs'] } }
        }
      }
    }
  }
}

output name string = workflow.name
