import { createHash } from 'node:crypto'
import { BlockList, isIPv4 } from 'node:net'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine, Network } from '../engine/port.ts'
import type { PacketFilter } from './iptables.ts'
import { changes } from './rules.ts'

/** The engine's own network, which everybody's containers are on who names no other. */
const ENGINES = 'bridge'
/** How soon a container of somebody else that starts there during a build is free of the rules for its steps. */
const LOOK_MS = 500

type Deps = {
  engine: Pick<Engine, 'networks' | 'addressesOn'>
  filter: PacketFilter
  clock: Clock
  instance: string
  /** TCP ports of this machine that apps may reach: the router's, which are known once it runs, and those of the settings. */
  ports: () => readonly number[]
  /** The text of resolv.conf(5). */
  resolvConf: () => string
  isThere: (bridge: string) => boolean
  /** Told when the packet filter may not be used. */
  onError: (cause: unknown) => void
}

/** Keeps apps and builds from the machine they run on: its services, the API, and the metadata address of its cloud. */
export function fence({ engine, filter, clock, instance, ports, resolvConf, isThere, onError }: Deps) {
  const id = createHash('sha256').update(instance).digest('hex').slice(0, 8)
  let inside = new BlockList()
  let isUp = false
  /** What the rules were made for. */
  let covered: string | undefined
  let queue: Promise<void> = Promise.resolve()
  let builds = 0

  async function mend(): Promise<void> {
    const all = await engine.networks({})
    const ours = all.filter(({ labels }) => labels[LABEL.instance] === instance)
    const engines = all.find(({ name }) => name === ENGINES) // where BuildKit runs the steps of Dockerfiles
    inside = blocked([...ours, ...(engines ? [engines] : [])].flatMap(({ subnets }) => subnets))
    const bridges = ours.flatMap(({ bridge }) => bridge ?? []).toSorted()
    const nameservers = [...resolvConf().matchAll(/^nameserver\s+(\S+)/gm)].map(([, address]) => address!)
    const usable = nameservers.filter((address) => isIPv4(address) && !address.startsWith('127.'))
    const buildKit =
      builds > 0 && engines?.bridge ? { bridge: engines.bridge, spared: await engine.addressesOn(ENGINES) } : undefined
    const wanted = { id, bridges, ports: ports(), nameservers: usable, ...(buildKit && { buildKit }) }
    const lines = changes(wanted, await filter.list(), isThere)
    if (lines) await filter.restore(lines)
    isUp = true
    covered = named(ours)
  }

  function rebuild(): Promise<void> {
    queue = queue.then(mend).catch((cause: unknown) => {
      isUp = false
      onError(cause)
    })
    return queue
  }

  async function watchNeighbours(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => {})
      if (!signal.aborted) await rebuild()
    }
  }

  return {
    /** Makes the rules what they should be for the networks there are now. Never rejects: what fails is told, and tried again at the next call. */
    mend: rebuild,
    /** The same, where the networks are not those that the rules were made for: before a container starts in one. */
    async cover(): Promise<void> {
      const now = await engine.networks({ [LABEL.instance]: instance })
      if (named(now) !== covered) await rebuild()
    },
    /** Holds the steps of a Dockerfile to the same rules while `work` has them run. There must be a network of ours by then. */
    async aroundBuild<T>(work: () => Promise<T>): Promise<T> {
      builds++
      const over = new AbortController()
      await rebuild()
      const watching = watchNeighbours(over.signal)
      try {
        return await work()
      } finally {
        builds--
        over.abort()
        await watching
        await rebuild()
      }
    },
    /** Whether the kernel keeps the rules. */
    isUp: () => isUp,
    /** Whether a connection to `port` of ours comes out of a container that has no business there. */
    refuses: (address: string | undefined, port: number): boolean => {
      const plain = (address ?? '').replace(/^::ffff:/i, '')
      return isIPv4(plain) && inside.check(plain) && !ports().includes(port)
    },
  }
}
export type FenceKeeper = ReturnType<typeof fence>

const named = (networks: readonly Network[]) =>
  networks
    .map(({ bridge }) => bridge)
    .toSorted()
    .join()

function blocked(subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [net = '', bits = '32'] = subnet.split('/')
    if (isIPv4(net)) list.addSubnet(net, Number(bits))
  }
  return list
}
