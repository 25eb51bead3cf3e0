import { Duplex, PassThrough, Readable } from 'node:stream'
import {
  EngineError,
  type Container,
  type ContainerSpec,
  type Engine,
  type Image,
  type Labels,
  type LogChunk,
  type LogOptions,
} from '../../server/engine/port.ts'

type Held = Container & { spec: ContainerSpec; log: LogChunk[]; more: () => void; ended: Promise<void>; end: () => void }

/** An engine in memory, kept honest by test/engine/contract.ts, which the real one passes too. Programs do not run: tests say what they do. */
export function fakeEngine(images: readonly string[] = ['img']) {
  const containers = new Map<string, Held>()
  const known = new Map<string, Image>(images.map((ref) => [ref, fakeImage(ref)]))
  const networks = new Map<string, Labels>()
  const volumes = new Map<string, Labels>()
  const watchers = new Set<{ labels: Labels; onChange: () => void }>()
  let last = 0
  let isUp = true

  const carries = (labels: Labels, wanted: Labels) => Object.entries(wanted).every(([key, value]) => labels[key] === value)
  const up = <T>(work: () => T): T => {
    if (!isUp) throw new EngineError('unreachable', 'The engine does not answer.')
    return work()
  }
  const held = (id: string) => {
    const found = containers.get(id)
    if (!found) throw new EngineError('no_such_container', `No such container: ${id}`)
    return found
  }
  const changed = (labels: Labels) => {
    for (const watcher of watchers) if (carries(labels, watcher.labels)) watcher.onChange()
  }
  const shown = ({ spec: _spec, log: _log, more: _more, ended: _ended, end: _end, ...container }: Held): Container => ({
    ...container,
  })

  function exit(id: string, code: number, oomKilled = false) {
    const found = containers.get(id)
    if (found?.state !== 'running' && found?.state !== 'paused') return
    delete found.ip
    Object.assign(found, { state: 'exited', exit: { code, at: new Date(), oomKilled } })
    found.end()
    found.more()
    changed(found.labels)
  }

  function move(id: string, from: Container['state'], to: Container['state']) {
    const found = containers.get(id)
    if (found?.state === from) Object.assign(found, { state: to })
  }

  function create(spec: ContainerSpec): string {
    const image = known.get(spec.image) ?? [...known.values()].find((one) => one.id === spec.image)
    if (!image) throw new EngineError('no_such_image', `No such image: ${spec.image}`)
    if ([...containers.values()].some((one) => one.name === spec.name))
      throw new EngineError('name_taken', `The name ${spec.name} is already in use.`)
    const id = `fake-${++last}`
    let end = () => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    containers.set(id, {
      id,
      name: spec.name,
      image: image.id,
      labels: spec.labels,
      state: 'created',
      createdAt: new Date(),
      spec,
      log: [],
      more: () => {},
      ended,
      end,
    })
    return id
  }

  async function* logs(id: string, { since, tail, follow, signal }: LogOptions): AsyncIterable<readonly LogChunk[]> {
    const container = held(id)
    let at = tail === undefined ? 0 : Math.max(0, container.log.length - tail)
    signal?.addEventListener('abort', () => container.more(), { once: true })
    for (;;) {
      while (at < container.log.length) {
        const chunk = container.log[at++]!
        if (!since || chunk.position >= since) yield [chunk]
      }
      if (!follow || signal?.aborted || !['running', 'paused'].includes(container.state)) return
      await new Promise<void>((resolve) => (container.more = resolve))
    }
  }

  const engine: Engine = {
    ping: async () => up(() => ({ version: 'fake' })),
    watch: (labels, onChange, signal) =>
      new Promise((resolve) => {
        const watcher = { labels, onChange }
        watchers.add(watcher)
        onChange()
        signal.addEventListener('abort', () => (watchers.delete(watcher), resolve()), { once: true })
      }),
    list: async (labels) => up(() => [...containers.values()].filter((one) => carries(one.labels, labels)).map(shown)),
    find: async (id) => up(() => (containers.has(id) ? shown(held(id)) : undefined)),
    create: async (spec) => up(() => create(spec)),
    start: async (id) =>
      up(() => {
        const found = held(id)
        if (found.state === 'running') return
        Object.assign(found, { state: 'running', startedAt: new Date(), ip: `10.99.0.${(last % 250) + 1}` })
        changed(found.labels)
      }),
    pause: async (id) => up(() => move(id, 'running', 'paused')),
    unpause: async (id) => up(() => move(id, 'paused', 'running')),
    stop: async (id) => up(() => exit(id, 143)),
    kill: async (id, signal) => up(() => exit(id, signal === 'SIGKILL' ? 137 : 143)),
    remove: async (id) =>
      up(() => {
        exit(id, 137)
        containers.delete(id)
      }),
    async wait(id) {
      await held(id).ended
      return held(id).exit!
    },
    attach: async (id) => {
      const { spec, ended } = held(id)
      const output = new PassThrough()
      const errors = spec.tty ? undefined : new PassThrough()
      const close = () => {
        output.end()
        errors?.end()
      }
      void ended.then(close)
      return { input: new Duplex({ read() {}, write: (_c, _e, done) => done() }), output, ...(errors && { errors }), close }
    },
    resize: async () => {},
    logs,
    putArchive: async (id) => void held(id),
    getArchive: async (id) => (held(id), Readable.from([Buffer.alloc(1024)])),
    image: async (ref) => up(() => known.get(ref) ?? [...known.values()].find((one) => one.id === ref)),
    images: async (labels) => up(() => [...known.values()].filter((one) => carries(one.labels, labels))),
    commit: async (id, { labels }) => (held(id), remember(`commit-${++last}`, labels)),
    derive: async (_base, { labels }) => remember(`derived-${++last}`, labels),
    addLayer: async (_base, _layer, { labels }) => remember(`layer-${++last}`, labels),
    build: async (_context, { labels }) => remember(`build-${++last}`, labels),
    importImage: async (_tar, { labels, tag }) => remember(tag ?? `import-${++last}`, labels),
    pull: async (ref) => {
      throw new EngineError('unreachable', `No registry answers for ${ref}.`)
    },
    saveImages: async (ids) => Readable.from([JSON.stringify([...known].filter(([, { id }]) => ids.includes(id)))]),
    loadImages: async (tar) => {
      const saved = JSON.parse((await tar.toArray()).join('')) as [string, Image][]
      for (const [ref, image] of saved) known.set(ref, { ...image, createdAt: new Date(image.createdAt) })
    },
    tag: async (id, ref) =>
      void known.set(
        ref,
        [...known.values()].find((one) => one.id === id)!,
      ),
    removeImage: async (id) => {
      for (const [ref, image] of known) if (image.id === id || ref === id) known.delete(ref)
    },
    ensureNetwork: async ({ name, labels }) => up(() => (networks.set(name, labels), name)),
    networks: async (labels) =>
      named(networks, labels).map((one) => ({ ...one, bridge: `br-${one.name}`, subnets: ['10.99.0.0/16'] })),
    addressesOn: async (network) =>
      [...containers.values()].flatMap(({ spec, ip }) => (spec.network === network && ip ? ip : [])),
    removeNetwork: async (name) => void networks.delete(name),
    ensureVolume: async ({ name, labels }) => up(() => (volumes.set(name, labels), name)),
    volumes: async (labels) => named(volumes, labels),
    removeVolume: async (name) => void volumes.delete(name),
    usage: async () =>
      up(() => ({
        images: [...known.values()].map(({ id, labels, sizeBytes }) => ({ id, labels, bytes: sizeBytes, sharedBytes: 0 })),
        containers: [...containers.values()].map(({ id, labels }) => ({ id, labels, writable: 0 })),
        volumes: [...volumes].map(([name, labels]) => ({ name, labels, bytes: 1 })),
        buildCache: 0,
      })),
    pruneBuildCache: async () => {},
  }

  const named = (things: Map<string, Labels>, wanted: Labels) =>
    [...things].filter(([, labels]) => carries(labels, wanted)).map(([name, labels]) => ({ name, labels }))
  function remember(ref: string, labels: Labels): string {
    known.set(ref, { ...fakeImage(ref), labels })
    return known.get(ref)!.id
  }

  return {
    ...engine,
    /** The process ends by itself. */
    crash: (id: string, code = 1, { oomKilled = false } = {}) => exit(id, code, oomKilled),
    /** The process writes. Two chunks may carry the same position. */
    say(
      id: string,
      text: string,
      { stream = 'stdout' as LogChunk['stream'], position = new Date().toISOString().replace('Z', '000000Z') } = {},
    ) {
      held(id).log.push({ stream, position, bytes: Buffer.from(text), ...(text.endsWith('\n') && { line: text.slice(0, -1) }) })
      held(id).more()
    },
    /** Its log so far is rotated away. */
    dropLog: (id: string) => void (held(id).log.length = 0),
    spec: (id: string) => held(id).spec,
    setReachable: (is: boolean) => (isUp = is),
  }
}

const fakeImage = (ref: string): Image => ({
  id: `sha256:${Buffer.from(ref).toString('hex').padEnd(64, '0').slice(0, 64)}`,
  tags: [ref], labels: {}, createdAt: new Date(0), sizeBytes: 1, cmd: [], entrypoint: [], ports: [], workingDir: '/', user: '',
}) // prettier-ignore
