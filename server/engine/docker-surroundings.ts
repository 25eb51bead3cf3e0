import { guard, labelFilter, type Client } from './docker-guard.ts'
import type { Surroundings } from './port.ts'

/** Networks and volumes. */
export function surroundings(client: Client): Surroundings {
  const underWay = new Map<string, Promise<string>>()

  /** The engine takes one name twice when asked twice at once, and then finds neither: one call at a time, and doubles of a race go. */
  async function makeNetwork({ name, labels, isolated }: Parameters<Surroundings['ensureNetwork']>[0]): Promise<string> {
    const [found, ...doubles] = await guard(client.listNetworks({ filters: { name: [`^${name}$`] } }))
    for (const double of doubles)
      await client
        .getNetwork(double.Id)
        .remove()
        .catch(() => {}) // in use: the next call tries again
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
  }

  return {
    ensureNetwork(spec) {
      const making = underWay.get(spec.name) ?? makeNetwork(spec).finally(() => underWay.delete(spec.name))
      underWay.set(spec.name, making)
      return making
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
