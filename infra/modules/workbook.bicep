// The operators' page in the portal; its contents are in watching/workbook.json.
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Workspace that it reads.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'puente-operations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Puente: operations'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: replace(loadTextContent('../watching/workbook.json'), 'WORKSPACE_ID', workspaceId)
  }
}

output id string = workbook.id
