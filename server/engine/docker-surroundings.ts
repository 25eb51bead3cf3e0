import { guard, labelFilter, type Client } from './docker-guard.ts'
import type { Surroundings } from './port.ts'

/** Networks and volumes. */
export function surroundings(client: Client): Surroundings {
  return {
    async ensureNetwork({ name, labels, isolated }) {
      const [found] = await guard(client.listNetworks({ filters: { name: [`^${name}$`] } }))
      if (found) return name
      await guard(
        client.createNetwork({
          Name: name,
          CheckDuplicate: true,
          Driver: 'bridge',
          Labels: { ...labels },
          Options: { 'com.docker.network.bridge.enable_icc': String(!isolated) },
        }),
        { fine: [409] },
      )
      return name
    },
    async networks(labels) {
      const found = await guard(client.listNetworks({ filters: { label: labelFilter(labels) } }))
      return found.map((network) => ({ name: network.Name, labels: network.Labels ?? {} }))
    },
    async removeNetwork(name) {
      await guard(client.getNetwork(name).remove(), { fine: [404] })
    },
    async ensureVolume({ name, labels }) {
      await guard(client.createVolume({ Name: name, Labels: { ...labels } }))
      return name
    },
    async volumes(labels) {
      const found = await guard(client.listVolumes({ filters: { label: labelFilter(labels) } }))
      return (found.Volumes ?? []).map((volume) => ({ name: volume.Name, labels: volume.Labels ?? {} }))
    },
    async removeVolume(name) {
      await guard(client.getVolume(name).remove(), { fine: [404] })
    },
  }
}
