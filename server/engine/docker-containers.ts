import { PassThrough, type Duplex, type Readable } from 'node:stream'
import type { ContainerCreateOptions, ContainerInfo, ContainerInspectInfo } from 'dockerode'
import { guard, labelFilter, type Client } from './docker-guard.ts'
import { logs } from './docker-logs.ts'
import { outOfMemory } from './docker-oom.ts'
import { frameCutter } from './frames.ts'
import type { Attached, Container, Containers, ContainerSpec, Exit } from './port.ts'

export function containers(client: Client, socketPath: string, openFiles: number | undefined): Containers {
  const known = new Map<string, { mark: string; container: Container }>()
  const ranOutOfMemory = outOfMemory(client)

  async function list(labels: Readonly<Record<string, string>>): Promise<Container[]> {
    const found = await guard(client.listContainers({ all: true, filters: { label: labelFilter(labels) } }))
    const all = await Promise.all(found.map(described))
    return all.filter((container) => container !== undefined)
  }

  /** One inspect per change of a container, not one per look: a quiet pass over 200 containers is a single call. */
  async function described(info: ContainerInfo): Promise<Container | undefined> {
    const mark = `${info.State} ${ipOf(info.NetworkSettings?.Networks)}`
    const seen = known.get(info.Id)
    if (seen?.mark === mark && info.State === 'running') return seen.container
    const container = await find(info.Id)
    if (container) known.set(info.Id, { mark, container })
    return container
  }

  async function find(id: string): Promise<Container | undefined> {
    const info = await guard(client.getContainer(id).inspect(), { fine: [404] })
    if (!info) return undefined
    const container = fromInspect(info)
    return container.state === 'exited' ? { ...container, exit: exitOf(info, await ranOutOfMemory(info)) } : container
  }

  return {
    list,
    find,
    create: async (spec) => (await guard(client.createContainer(createOptions(spec, openFiles)))).id,
    async start(id) {
      await guard(client.getContainer(id).start(), { fine: [304] })
    },
    async stop(id, graceMs) {
      await guard(client.getContainer(id).stop({ t: Math.ceil(graceMs / 1000) }), { fine: [304, 404] })
    },
    async kill(id, signal) {
      await guard(client.getContainer(id).kill({ signal }), { fine: [404, 409] }) // 409: it is not running
    },
    async pause(id) {
      await guard(client.getContainer(id).pause(), { fine: [404, 409] }) // 409: it is not running, or paused already
    },
    async unpause(id) {
      await guard(client.getContainer(id).unpause(), { fine: [404, 409, 500] }) // 500: it is not paused (moby 20.10)
    },
    async remove(id) {
      await guard(client.getContainer(id).remove({ force: true, v: true }), { fine: [404, 409] }) // 409: a removal is under way
      known.delete(id)
    },
    async wait(id, signal) {
      const ended = await guard(client.getContainer(id).wait({ ...(signal && { abortSignal: signal }) }), { fine: [404] })
      const container = await find(id)
      return container?.exit ?? { code: ended?.StatusCode ?? 137, at: new Date(0), oomKilled: false }
    },
    attach: (id) => attach(client, id),
    async resize(id, { columns, rows }) {
      await guard(client.getContainer(id).resize({ w: columns, h: rows }), { fine: [404, 409] })
    },
    logs: (id, options) => logs(socketPath, id, options),
    async putArchive(id, path, tar) {
      await guard(client.getContainer(id).putArchive(tar as Readable, { path }))
    },
    getArchive: async (id, path) => (await guard(client.getContainer(id).getArchive({ path }))) as Readable,
  }
}

function createOptions(spec: ContainerSpec, openFiles: number | undefined): ContainerCreateOptions {
  return {
    name: spec.name,
    Image: spec.image,
    Labels: { ...spec.labels },
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    ...(spec.cmd && { Cmd: [...spec.cmd] }),
    ...(spec.entrypoint && { Entrypoint: [...spec.entrypoint] }),
    ...(spec.workingDir && { WorkingDir: spec.workingDir }),
    ...(spec.user && { User: spec.user }),
    ...(spec.stopSignal && { StopSignal: spec.stopSignal }),
    ...(spec.hostname && { Hostname: spec.hostname }),
    Tty: spec.tty ?? false,
    OpenStdin: spec.openStdin ?? false,
    StdinOnce: spec.openStdin ?? false,
    HostConfig: hostConfig(spec, openFiles),
  }
}

function hostConfig(spec: ContainerSpec, openFiles: number | undefined): NonNullable<ContainerCreateOptions['HostConfig']> {
  return {
    NetworkMode: spec.network,
    Init: true, // a pid 1 that reaps zombies and passes signals on: the app's default signal actions hold again
    LogConfig: spec.isUnlogged
      ? { Type: 'none', Config: {} }
      : { Type: 'json-file', Config: { 'max-size': '64m', 'max-file': '3' } },
    Ulimits: [
      { Name: 'core', Soft: 0, Hard: 0 }, // a core file would hold every config var
      ...(openFiles ? [{ Name: 'nofile', Soft: openFiles, Hard: openFiles }] : []),
    ],
    SecurityOpt: spec.mayGainPrivileges ? [] : ['no-new-privileges'],
    ...(spec.capabilities && { CapDrop: ['ALL'], CapAdd: [...spec.capabilities] }),
    ...(spec.memoryBytes && { Memory: spec.memoryBytes, MemorySwap: spec.memoryBytes }),
    ...(spec.cpus && { NanoCpus: Math.round(spec.cpus * 1e9) }),
    ...(spec.isReadOnly && { ReadonlyRootfs: true }),
    ...(spec.pids && { PidsLimit: spec.pids }),
    ...(spec.tmpfs && { Tmpfs: { ...spec.tmpfs } }),
    ...(spec.volumes && {
      Mounts: spec.volumes.map((v) => ({
        Type: 'volume' as const,
        Source: v.name,
        Target: v.path,
        ReadOnly: v.readOnly ?? false,
      })),
    }),
  }
}

const STATES: Record<string, Container['state']> = {
  created: 'created',
  running: 'running',
  restarting: 'running',
  paused: 'paused',
}

function fromInspect(info: ContainerInspectInfo): Container {
  const state = STATES[info.State.Status] ?? 'exited'
  const ip = state === 'running' || state === 'paused' ? ipOf(info.NetworkSettings.Networks) : ''
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    image: info.Image,
    labels: info.Config.Labels,
    state,
    createdAt: new Date(info.Created),
    ...(!info.State.StartedAt.startsWith('0001') && { startedAt: new Date(info.State.StartedAt) }),
    ...(ip && { ip }),
  }
}

const exitOf = ({ State }: ContainerInspectInfo, oomKilled: boolean): Exit => ({
  code: State.ExitCode,
  at: new Date(State.FinishedAt),
  oomKilled,
})

const ipOf = (networks: Record<string, { IPAddress: string }> | undefined) =>
  Object.values(networks ?? {}).find((network) => network.IPAddress)?.IPAddress ?? ''

async function attach(client: Client, id: string): Promise<Attached> {
  const container = client.getContainer(id)
  const { Config } = await guard(container.inspect())
  const options = { stream: true, hijack: true, stdin: Config.OpenStdin, stdout: true, stderr: true }
  const socket = (await guard(container.attach(options))) as unknown as Duplex
  const close = () => void socket.destroy()
  if (Config.Tty) return { input: socket, output: socket, close }
  const output = new PassThrough()
  const errors = new PassThrough()
  const cut = frameCutter()
  socket.on('data', (bytes: Buffer) => {
    const ready = cut(bytes).map(({ stream, payload }) => (stream === 'stderr' ? errors : output).write(payload))
    if (ready.includes(false)) pauseUntilDrained(socket, [output, errors])
  })
  socket.on('error', () => socket.destroy()) // reported as the end of both streams
  socket.once('close', () => (output.end(), errors.end()))
  socket.once('end', () => (output.end(), errors.end()))
  return { input: socket, output, errors, close }
}

function pauseUntilDrained(socket: Duplex, streams: PassThrough[]) {
  socket.pause()
  const full = streams.filter((stream) => stream.writableNeedDrain)
  let left = full.length
  for (const stream of full) stream.once('drain', () => --left === 0 && socket.resume())
}
