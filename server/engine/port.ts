import type { Duplex, Readable } from 'node:stream'

export type Labels = Readonly<Record<string, string>>

/**
 * The little of a container engine that dozen uses, in dozen's own words. Everything is found by label, never by name prefix.
 * Laws: `stop`, `remove`, `removeImage`, `ensureNetwork`, `ensureVolume` are idempotent (what is already so is a success);
 * every failure is one `EngineError`; sizes are bytes, durations milliseconds, instants `Date`.
 */
export interface Engine extends Containers, Images, Surroundings {
  /** Rejects with EngineError 'unreachable' when the engine does not answer. */
  ping(): Promise<{ version: string }>
  /** Calls `onChange` once it listens and after each container event of ours; resolves when `signal` aborts, rejects 'unreachable' when the stream is cut. */
  watch(labels: Labels, onChange: () => void, signal: AbortSignal): Promise<void>
}

export type LogOptions = { since?: LogPosition; tail?: number; follow: boolean; signal?: AbortSignal }

export interface Containers {
  /** Containers carrying every label given, whatever their state. */
  list(labels: Labels): Promise<Container[]>
  find(id: string): Promise<Container | undefined>
  /** Creates without starting. Throws 'no_such_image', 'name_taken'. Returns the id. */
  create(spec: ContainerSpec): Promise<string>
  start(id: string): Promise<void>
  /** The stop signal, then SIGKILL after `graceMs`. Resolves once it has stopped; gone or already stopped is a success. */
  stop(id: string, graceMs: number): Promise<void>
  kill(id: string, signal: NodeJS.Signals): Promise<void>
  /** Its processes stand still until `unpause`. Not running is a success, and so is being so already. */
  pause(id: string): Promise<void>
  unpause(id: string): Promise<void>
  /** Removes with its anonymous volumes, killing if need be. Gone is a success. */
  remove(id: string): Promise<void>
  /** Resolves when the container has exited. */
  wait(id: string, signal?: AbortSignal): Promise<Exit>
  /** Opens the terminal or the three pipes. Attach before `start`, so that the first byte is not missed. */
  attach(id: string): Promise<Attached>
  resize(id: string, size: { columns: number; rows: number }): Promise<void>
  /**
   * What the container wrote, oldest first, as many entries at a time as there are, from `since` on (inclusive), ending at its exit, at the
   * end of what there is, or on abort. An engine may give entries twice when it rotates its log, and does not say what it threw away.
   * `tail` = only so many of those that are there already.
   */
  logs(id: string, options: LogOptions): AsyncIterable<readonly LogChunk[]>
  /** Unpacks a tar stream below `path` inside the container. */
  putArchive(id: string, path: string, tar: Readable | Buffer): Promise<void>
  /** A tar stream of `path`. */
  getArchive(id: string, path: string): Promise<Readable>
}

export interface Images {
  /** By id or reference; undefined when it is not on this engine. */
  image(ref: string): Promise<Image | undefined>
  images(labels: Labels): Promise<Image[]>
  /** Freezes a container's file system. Volumes and tmpfs are not part of it. Returns the image id ("sha256:…"). */
  commit(containerId: string, changes: ImageChanges): Promise<string>
  /** An image that is `base` (an id or a reference) with one layer on top and these changes. Returns the image id. */
  addLayer(base: string, layer: Layer, changes: ImageChanges): Promise<string>
  /** The same layers and settings under other labels; the texts of `hidden` are taken out of its history. Returns the image id. */
  derive(base: string, changes: { labels: Labels; hidden?: readonly string[] }): Promise<string>
  /** Builds a Dockerfile with BuildKit. Throws 'build_failed' with the last lines of output. Returns the image id. */
  build(context: Readable, options: BuildOptions): Promise<string>
  /** A root file system as a one-layer image (docker import). Returns the image id. */
  importImage(tar: Readable, changes: ImageChanges & { tag?: string }): Promise<string>
  /** Throws 'unreachable' or 'no_such_image' when no registry answers. */
  pull(ref: string, options: { onOutput?: (line: string) => void; signal?: AbortSignal }): Promise<void>
  /** A tar of images, layers once each (`docker save`). */
  saveImages(ids: readonly string[]): Promise<Readable>
  /** What saveImages gave: the same ids and labels. */
  loadImages(tar: Readable): Promise<void>
  tag(id: string, ref: string): Promise<void>
  removeImage(id: string): Promise<void>
}

export interface Surroundings {
  /** A bridge network whose containers cannot reach each other (`isolated`) but can be reached from the host. Returns its name. */
  ensureNetwork(spec: { name: string; labels: Labels; isolated: boolean }): Promise<string>
  networks(labels: Labels): Promise<Network[]>
  removeNetwork(name: string): Promise<void>
  /** IPv4 addresses of the containers on a network, whoever's they are. */
  addressesOn(network: string): Promise<string[]>
  ensureVolume(spec: { name: string; labels: Labels }): Promise<string>
  volumes(labels: Labels): Promise<{ name: string; labels: Labels }[]>
  removeVolume(name: string): Promise<void>
  /** What takes room on the engine's disk. The engine looks at every file for it: not for each look. */
  usage(): Promise<Usage>
  /** Cuts BuildKit's cache, everybody's, back to `keepBytes`: what was used longest ago goes first, and nothing that an image stands on. */
  pruneBuildCache(keepBytes: number): Promise<void>
}

/** Bytes: `bytes` of an image are its own layers only, `sharedBytes` those that other images stand on too, `writable` of a container what it wrote to its own disk. */
export type Usage = {
  images: readonly { id: string; labels: Labels; bytes: number; sharedBytes: number }[]
  containers: readonly { id: string; labels: Labels; writable: number }[]
  volumes: readonly { name: string; labels: Labels; bytes: number }[]
  /** Of BuildKit: everybody's. */
  buildCache: number
}

/** `bridge` is its interface on the host, where it has one; `subnets` such as "172.18.0.0/16". */
export type Network = { name: string; labels: Labels; bridge?: string; subnets: readonly string[] }

export type ContainerSpec = {
  name: string
  /** Image id or reference. */
  image: string
  /** argv; absent = the image's own CMD. */
  cmd?: readonly string[]
  /** argv; absent = the image's own, [] = none. */
  entrypoint?: readonly string[]
  env: Readonly<Record<string, string>>
  labels: Labels
  /** Name of a network of ours, or 'none'. */
  network: string
  workingDir?: string
  user?: string
  /** What it prints goes to who is attached only. */
  isUnlogged?: boolean
  tty?: boolean
  openStdin?: boolean
  memoryBytes?: number
  /** Cores, e.g. 0.5. */
  cpus?: number
  pids?: number
  /** The root file system; volumes and tmpfs are writable all the same. */
  isReadOnly?: boolean
  volumes?: readonly { name: string; path: string; readOnly?: boolean }[]
  /** Path → mount options ("size=64m,mode=1777"). */
  tmpfs?: Readonly<Record<string, string>>
  stopSignal?: string
  /** Linux capabilities kept; all others are dropped. Absent = the engine's default set. */
  capabilities?: readonly string[]
  /** Absent = true: a process can never gain privileges (no-new-privileges). */
  mayGainPrivileges?: boolean
  hostname?: string
}

export type Container = {
  id: string
  name: string
  /** Image id ("sha256:…"). */
  image: string
  labels: Labels
  state: 'created' | 'running' | 'paused' | 'exited'
  createdAt: Date
  /** Set once it has been started. */
  startedAt?: Date
  /** Set once it has stopped. */
  exit?: Exit
  /** Address on the network of its spec while it runs or is paused. */
  ip?: string
}

export type Exit = { code: number; at: Date; oomKilled: boolean }

/** `output` carries both streams, raw, when there is a terminal; else `errors` is stderr on its own. */
export type Attached = { input: Duplex; output: Readable; errors?: Readable; close(): void }

/** Engine time of an entry, RFC 3339 with nanoseconds: "2026-01-01T00:00:00.000000001Z". Text, since `Date` cannot hold it. */
export type LogPosition = string
/** One entry of the engine's log: a line with its "\n", or a piece of a longer line without. `line` is the text of one with "\n", without it. */
export type LogChunk = {
  readonly stream: 'stdout' | 'stderr'
  readonly position: LogPosition
  readonly bytes: Buffer
  readonly line?: string | undefined
}

export type Image = {
  /** "sha256:…" */
  id: string
  tags: readonly string[]
  labels: Labels
  createdAt: Date
  sizeBytes: number
  cmd: readonly string[]
  entrypoint: readonly string[]
  /** TCP ports of EXPOSE, ascending. */
  ports: readonly number[]
  workingDir: string
  user: string
  stopSignal?: string
}

/** A tree (tar) that becomes a layer; it may still be on its way when the engine is told of it. */
export type Layer = {
  /** Rejects when there will be no tree. */
  bytes: number | Promise<number>
  /** The tree as it comes, once. */
  coming: Readable
  /** Hex, once all of it is there and wanted; else it rejects. */
  sha256: string | Promise<string>
  createdAt: Date
  /** The whole of it again, after `sha256`. */
  open(): Readable
}

export type ImageChanges = {
  labels: Labels
  cmd?: readonly string[]
  entrypoint?: readonly string[]
  env?: Readonly<Record<string, string>>
  workingDir?: string
  user?: string
}

export type BuildOptions = {
  /** Path inside the context, default "Dockerfile". */
  dockerfile?: string
  /** Build stage, default the last one. */
  target?: string
  args: Readonly<Record<string, string>>
  labels: Labels
  tag?: string
  onOutput: (text: string) => void
  signal?: AbortSignal
}

export type EngineErrorCode =
  'no_such_image' | 'no_such_container' | 'name_taken' | 'build_failed' | 'unreachable' | 'no_space' | 'other'

export class EngineError extends Error {
  override readonly name = 'EngineError'
  constructor(
    readonly code: EngineErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
