import type { NetworkInspectInfo } from 'dockerode'
import { guard, labelFilter, type Client } from './docker-guard.ts'
import type { Network, Surroundings, Usage } from './port.ts'

const BRIDGE_NAME = 'com.docker.network.bridge.name'
const ID_LETTERS = 12 // of a bridge's name, unless it was given one

function described({ Id, Name, Labels, Driver, Options, IPAM }: NetworkInspectInfo): Network {
  const bridge = Driver === 'bridge' ? (Options?.[BRIDGE_NAME] ?? `br-${Id.slice(0, ID_LETTERS)}`) : undefined
  const subnets = (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? [])
  return { name: Name, labels: Labels ?? {}, ...(bridge && { bridge }), subnets }
}

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
        EnableIPv6: false,
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
      return found.map(described)
    },
    async removeNetwork(name) {
      await guard(client.getNetwork(name).remove(), { fine: [404] })
    },
    async addressesOn(network) {
      const found = await guard(client.listContainers({ filters: { network: [network] } }))
      return found.flatMap(({ NetworkSettings }) => NetworkSettings.Networks[network]?.IPAddress || [])
    },
    async ensureVolume({ name, labels }) {
      await guard(client.createVolume({ Name: name, Labels: { ...labels } }))
      return name
    },
    async volumes(labels) {
      const found = await guard(client.listVolumes({ filters: { label: labelFilter(labels) } }))
      return (found.Volumes ?? []).map((volume) => ({ name: volume.Name, labels: volume.Labels ?? {} }))
    },
    usage: () => usage(client),
    pruneBuildCache: (keepBytes) => pruneBuildCache(client, keepBytes),
    async removeVolume(name) {
      await guard(client.getVolume(name).remove(), { fine: [404] })
    },
  }
}

type Dial = (options: object, done: (cause: Error | null) => void) => void

/** The client library has a call for it that leaves every option away: all of the cache would go. */
function pruneBuildCache(client: Client, keepBytes: number): Promise<void> {
  const { dial } = client.modem as unknown as { dial: Dial }
  const query = { all: 'true', 'keep-storage': String(keepBytes) }
  const options = { path: '/build/prune?', method: 'POST', options: query, statusCodes: { 200: true, 500: 'server error' } }
  return guard(new Promise((resolve, reject) => dial.call(client.modem, options, (cause) => (cause ? reject(cause) : resolve()))))
}

type Labelled = { Labels?: Record<string, string> | null }
/** What the client library's types leave out. */
type Report = {
  Images?: (Labelled & { Id: string; Size: number; SharedSize: number })[]
  Containers?: (Labelled & { Id: string; SizeRw?: number })[]
  Volumes?: (Labelled & { Name: string; UsageData?: { Size: number } })[]
  BuildCache?: { Size: number }[]
}

async function usage(client: Client): Promise<Usage> {
  const report = (await guard(client.df())) as Report
  const labels = (one: Labelled) => one.Labels ?? {}
  return {
    images: (report.Images ?? []).map((one) => ({
      id: one.Id,
      labels: labels(one),
      bytes: one.Size - Math.max(0, one.SharedSize),
      sharedBytes: Math.max(0, one.SharedSize),
    })),
    containers: (report.Containers ?? []).map((one) => ({ id: one.Id, labels: labels(one), writable: one.SizeRw ?? 0 })),
    volumes: (report.Volumes ?? []).map((one) => ({
      name: one.Name,
      labels: labels(one),
      bytes: Math.max(0, one.UsageData?.Size ?? 0),
    })),
    buildCache: (report.BuildCache ?? []).reduce((sum, { Size }) => sum + Size, 0),
  }
}
