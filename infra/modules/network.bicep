// The private network: the app calls storage, database and vault by private addresses, and the Internet from one fixed address.
@description('Name of the network; the names of its parts follow from it.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Resource ids of what the private endpoints reach: storage, sql and vault.')
param resourceIds object

var appSubnet = 'app'
var endpointSubnet = 'endpoints'

// One row for each private endpoint: what it reaches, by which of its services, under which private name.
var endpoints = [
  { name: 'blob', target: 'storage', groupId: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}' }
  { name: 'queue', target: 'storage', groupId: 'queue', zone: 'privatelink.queue.${environment().suffixes.storage}' }
  { name: 'sql', target: 'sql', groupId: 'sqlServer', zone: 'privatelink${environment().suffixes.sqlServerHostname}' }
  { name: 'vault', target: 'vault', groupId: 'vault', zone: 'privatelink.vaultcore.azure.net' }
]

resource address 'Microsoft.Network/publicIPAddresses@2024-07-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Regional' }
  properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4' }
}

resource gateway 'Microsoft.Network/natGateways@2024-07-01' = {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }], idleTimeoutInMinutes: 4 }
}

// Nothing from outside reaches the subnets; within the network only what the private endpoints offer.
resource rules 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: 'nsg-${name}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'no-internet-in'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 100
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.20.0.0/16'] }
    subnets: [
      {
        name: appSubnet
        properties: {
          addressPrefix: '10.20.0.0/24'
          defaultOutboundAccess: false
          natGateway: { id: gateway.id }
          networkSecurityGroup: { id: rules.id }
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: endpointSubnet
        properties: {
          addressPrefix: '10.20.1.0/24'
          defaultOutboundAccess: false
          networkSecurityGroup: { id: rules.id }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for endpoint in endpoints: {
    name: endpoint.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (endpoint, index) in endpoints: {
    parent: zones[index]
    name: name
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [
  for endpoint in endpoints: {
    name: 'pe-${name}-${endpoint.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/${endpointSubnet}' }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: { privateLinkServiceId: resourceIds[endpoint.target], groupIds: [endpoint.groupId] }
        }
      ]
    }
  }
]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [
  for (endpoint, index) in endpoints: {
    parent: privateEndpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: endpoint.name, properties: { privateDnsZoneId: zones[index].id } }]
    }
  }
]

output appSubnetId string = '${network.id}/subnets/${appSubnet}'
output outboundAddress string = address.properties.ipAddress
