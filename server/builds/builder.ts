import { Readable } from 'node:stream'
import { parse } from 'yaml'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import { EngineError, type Attached, type Engine } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import type { ImageSource } from '../releases/release.ts'
import { packFiles } from '../stack/pack.ts'
import type { Stack } from '../stack/stack.ts'
import { readSource, SourceTooLarge, textFiles } from './archive.ts'
import { parseProcfile } from './procfile.ts'

export type BuildInput = {
  appId: string
  appName: string
  buildId: string
  source: Readable
  commit: string
  config: Readonly<Record<string, string>>
}
type Io = { signal: AbortSignal; log: (line: string) => void }
type Built = Omit<ImageSource, 'buildId' | 'commit'> & { stackImage: string }

type Deps = {
  engine: Engine
  stack: Stack
  clock: Clock
  instance: string
  limits: { buildTimeoutMs: number; sourceBytes: number }
}

const OUT = '/opt/dozen/out'
const MEMORY_BYTES = 4 * 1024 ** 3
const MAX_PIDS = 4096
const MAX_OUTPUT_LINES = 100_000
const MAX_LINE_CHARS = 10_000

/** Source → image, in containers only: nothing of the user's is ever unpacked or run on the host. */
export function builder({ engine, stack, clock, instance, limits }: Deps) {
  const labels = (input: BuildInput) => ({ [LABEL.instance]: instance, [LABEL.app]: input.appId, [LABEL.role]: 'image' })

  async function withDockerfile(
    input: BuildInput,
    tar: Buffer,
    dockerfile: string,
    procfile: string | undefined,
    io: Io,
  ): Promise<Built> {
    io.log('-----> Building with the Dockerfile at the root')
    const declared = [...dockerfile.matchAll(/^\s*ARG\s+([A-Za-z_][A-Za-z0-9_]*)/gim)].map((match) => match[1]!)
    const args = Object.fromEntries(Object.entries(input.config).filter(([key]) => declared.includes(key)))
    const { id: stackImage } = await stack.ensure(io.log)
    const image = await engine.build(Readable.from([tar]), { args: { SOURCE_VERSION: input.commit, ...args }, labels: labels(input), onOutput: lines(io.log).add, signal: io.signal }).catch(failed) // prettier-ignore
    const described = await engine.image(image)
    const processTypes = procfile === undefined ? { web: '' } : parseProcfile(procfile)
    return { image, imageKind: 'dockerfile', port: described?.ports[0] ?? null, processTypes, stackImage }
  }

  async function withBuildpacks(input: BuildInput, tar: Buffer, io: Io): Promise<Built> {
    const { id: stackImage } = await stack.ensure(io.log)
    const registry = await stack.registry()
    const settings = { STACK: 'heroku-22', SOURCE_VERSION: input.commit, ...(registry && { NPM_CONFIG_REGISTRY: registry }) }
    const env = await packFiles([...folderOf('config', input.config), ...folderOf('build', settings)])
    const cache = await engine.ensureVolume({
      name: `dozen-${instance}-cache-${input.appId}`,
      labels: { ...labels(input), [LABEL.role]: 'cache' },
    })
    const container = await engine.create({
      name: `dozen-${instance}-build-${input.buildId}`,
      image: stackImage,
      entrypoint: [],
      cmd: ['/opt/dozen/build', String(env.length)],
      env: {}, // what is set here would stay in the image
      labels: { ...labels(input), [LABEL.role]: 'build' },
      network: await engine.ensureNetwork({
        name: `dozen-${instance}-build`,
        labels: { [LABEL.instance]: instance },
        isolated: true,
      }),
      user: 'app',
      openStdin: true,
      memoryBytes: MEMORY_BYTES,
      pids: MAX_PIDS,
      capabilities: [],
      tmpfs: { '/tmp': 'mode=1777,exec' },
      volumes: [{ name: cache, path: '/cache' }],
    })
    const abort = () => void engine.kill(container, 'SIGKILL').catch(() => {})
    io.signal.addEventListener('abort', abort, { once: true })
    try {
      const code = await compile(container, Buffer.concat([env, tar]), io)
      io.signal.throwIfAborted()
      if (code !== 0) throw new AppError('build_failed', `The build failed with status ${code}: see the lines above.`)
      const out = await textFiles(await engine.getArchive(container, OUT))
      const changes = { labels: labels(input), entrypoint: [], cmd: [], workingDir: '/app', user: 'app', env: { HOME: '/app' } }
      const image = await engine.commit(container, changes)
      return { image, imageKind: 'buildpack', port: null, processTypes: processTypesOf(out), stackImage }
    } finally {
      io.signal.removeEventListener('abort', abort)
      await engine.remove(container)
    }
  }

  async function compile(container: string, input: Buffer, io: Io): Promise<number> {
    const attached = await engine.attach(container)
    await engine.start(container)
    attached.input.on('error', () => {}) // the build ended before it read everything: its status tells
    attached.input.end(input)
    await printed(attached, io.log)
    const { code } = await engine.wait(container)
    attached.close()
    return code
  }

  /** One signal for the pusher's going away and for the time limit. */
  async function build(input: BuildInput, { signal, log }: Io): Promise<Built> {
    const late = new AbortController()
    const timer = new AbortController()
    const minutes = limits.buildTimeoutMs / 60_000
    void clock.sleep(limits.buildTimeoutMs, timer.signal).then(
      () =>
        late.abort(
          new AppError(
            'build_failed',
            `The build took longer than ${minutes} minutes and was stopped. DOZEN_BUILD_TIMEOUT sets the limit.`,
          ),
        ),
      () => {},
    )
    const io = { log, signal: AbortSignal.any([signal, late.signal]) }
    try {
      const { tar, files } = await readSource(input.source, limits.sourceBytes).catch((cause: unknown) => {
        if (!(cause instanceof SourceTooLarge)) throw cause
        throw new AppError(
          'build_failed',
          `The source tree is larger than ${limits.sourceBytes} bytes. DOZEN_SOURCE_LIMIT sets the limit.`,
        )
      })
      const procfile = files.get('Procfile')
      if (procfile !== undefined) parseProcfile(procfile) // refused before any work is done
      const dockerfile = files.get('Dockerfile')
      return await (dockerfile === undefined
        ? withBuildpacks(input, tar, io)
        : withDockerfile(input, tar, dockerfile, procfile, io))
    } catch (cause) {
      if (late.signal.aborted) throw late.signal.reason
      if (cause instanceof AppError && cause.code === 'invalid_params')
        throw new AppError('build_failed', cause.message, { cause })
      throw cause
    } finally {
      timer.abort()
    }
  }

  return {
    build,
    /** At start: containers of builds whose controller died. */
    async removeLeftovers() {
      for (const container of await engine.list({ [LABEL.instance]: instance, [LABEL.role]: 'build' }))
        await engine.remove(container.id)
    },
  }
}

const folderOf = (folder: string, values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, content]) => ({ name: `${folder}/${name}`, content }))

function processTypesOf(out: Map<string, string>): Record<string, string> {
  const release = parse(out.get('release.yml') ?? '') as { default_process_types?: Record<string, unknown> } | null
  const defaults = Object.entries(release?.default_process_types ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return { ...Object.fromEntries(defaults), ...parseProcfile(out.get('Procfile') ?? '') }
}

/** Calls `log` once per line, however the output was cut; stops passing on after 100,000 lines and says so. */
function lines(log: (line: string) => void) {
  let rest = ''
  let count = 0
  const emit = (line: string) => {
    if (++count <= MAX_OUTPUT_LINES) log(line)
    if (count === MAX_OUTPUT_LINES) log(` !     The build printed ${MAX_OUTPUT_LINES} lines: the rest is not shown.`)
  }
  return {
    add(text: string) {
      const parts = (rest + text).split(/\r?\n/)
      rest = parts.pop()!
      parts.forEach(emit)
      if (rest.length > MAX_LINE_CHARS) emit(rest.slice(0, MAX_LINE_CHARS))
      if (rest.length > MAX_LINE_CHARS) rest = ''
    },
    /** What came after the last line end. */
    end: () => void (rest && emit(rest)),
  }
}

async function printed({ output, errors }: Attached, log: (line: string) => void): Promise<void> {
  await Promise.all(
    [output, errors].map(async (stream) => {
      if (!stream) return
      const out = lines(log)
      const decoder = new TextDecoder()
      for await (const bytes of stream) out.add(decoder.decode(bytes as Buffer, { stream: true }))
      out.end()
    }),
  )
}

function failed(cause: unknown): never {
  if (cause instanceof EngineError && cause.code === 'build_failed') {
    throw new AppError('build_failed', `The Dockerfile build failed: ${cause.message.trim().split('\n').at(-1)}`, { cause })
  }
  throw cause
}
