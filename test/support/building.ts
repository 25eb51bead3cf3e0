import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { request } from 'node:http'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { builder, type BuildInput, type Built } from '../../server/builds/builder.ts'
import type { Io } from '../../server/builds/built.ts'
import type { Fetch } from '../../server/builds/fetched.ts'
import { dynoCommand } from '../../server/builds/dyno-command.ts'
import { systemClock as clock } from '../../server/clock.ts'
import { dockerEngine } from '../../server/engine/docker.ts'
import { packFiles } from '../../server/stack/pack.ts'
import { stack as makeStack, type Pair } from '../../server/stack/stack.ts'
import { newInstance, ROOT, until } from './programs.ts'
import { sweep } from './sweep.ts'

export type Files = Record<string, string>
export type Limits = { buildTimeoutMs: number; sourceBytes: number; buildMemoryBytes?: number; diskReserveBytes?: number }
type Options = Partial<BuildInput> & {
  packs?: Files[]
  signal?: AbortSignal
  limits?: Limits
  fetch?: Fetch
  /** See Deps of the builder. */
  confined?: <T>(work: () => Promise<T>) => Promise<T>
  inputsKey?: Buffer
  onFailure?: Io['onFailure']
  /** One that has built before, for what it remembers. */
  maker?: ReturnType<typeof builder>
}
export type Output = Built & { output: string }

export const tarOf = (files: Files) =>
  packFiles(Object.entries(files).map(([name, content]) => ({ name, content, mode: content.startsWith('#!') ? 0o755 : 0o644 })))
const packTar = (pack: Files) => packFiles(Object.entries(pack).map(([name, content]) => ({ name, content, mode: 0o755 })))
/** The tree of a fixture app as a push would send it. */
export const fixture = (name: string, folder = join(ROOT, 'test/fixtures/apps')): Readable =>
  spawn('tar', ['-c', '-C', join(folder, name), '.']).stdout.pipe(new PassThrough()) // Node.js empties a stdout that nobody reads yet when the program ends
/** A buildpack of these lines of bash and files. */
export const pack = (compile: string, more: Files = {}): Files => ({ 'bin/compile': `#!/bin/bash\n${compile}`, ...more })

/** The real builder on the real engine, under an instance label of its own; `close` removes everything that it made. */
export function building(
  limits: Limits = { buildTimeoutMs: 120_000, sourceBytes: 64 * 1024 ** 2 },
  pairs: readonly Pair[] = [],
  certificates?: Buffer,
) {
  const instance = newInstance()
  const engine = dockerEngine({ socket: '/var/run/docker.sock' })
  const stack = makeStack({ engine, clock, pairs, ...(certificates && { certificates }) })
  let number = 0

  const byName: Fetch = async (names) => names.map((name) => ({ name }))
  const makerOf = (more: Pick<Options, 'limits' | 'fetch' | 'confined' | 'inputsKey'> = {}) =>
    builder({ engine, stack, clock, instance, limits, fetch: byName, ...more })

  /** Builds files with hand-written buildpacks (`packs`) or the ones that are detected; resolves with the image and what was printed. */
  async function build(source: Files | Readable, options: Options = {}): Promise<Output> {
    const { packs, onFailure, maker, signal = new AbortController().signal, confined, inputsKey, ...input } = options
    const given: Fetch | undefined =
      packs && ((names) => Promise.all(names.map(async (name, at) => ({ name, tar: await packTar(packs[at]!) }))))
    const { fetch = given ?? byName, limits: own = limits } = options
    const make = maker ?? makerOf({ limits: own, fetch, ...(confined && { confined }), ...(inputsKey && { inputsKey }) })
    const output: string[] = []
    const request = {
      appId: 'app-one',
      appName: 'one',
      buildId: String(++number),
      source: source instanceof Readable ? source : Readable.from([await tarOf(source)]),
      commit: 'c0ffee',
      config: {},
      ...(packs && { buildpacks: packs.map((_, at) => `custom ${at}`) }),
      ...input,
    }
    const built = await make
      .build(request, { signal, log: (line) => void output.push(line), ...(onFailure && { onFailure }) })
      .catch((cause: Error) => {
        throw Object.assign(cause, { message: `${cause.message}\n${output.join('\n')}` })
      })
    return { ...built, output: output.join('\n') }
  }

  const labels = { 'dozen.instance': instance }
  const specOf = (built: Built, command: string, env: Record<string, string>) => ({
    name: `${instance}-run-${++number}`,
    image: built.image,
    ...dynoCommand(built, command),
    env,
    labels,
    capabilities: [],
  })
  async function printed(id: string): Promise<string> {
    const chunks: Buffer[] = []
    for await (const some of engine.logs(id, { follow: false })) chunks.push(...some.map(({ bytes }) => bytes))
    return Buffer.concat(chunks).toString().trim()
  }

  /** Runs a command as a dyno of the image would; its output. */
  async function run(built: Built, command: string, env: Record<string, string> = {}): Promise<string> {
    const id = await engine.create({ ...specOf(built, command, env), network: 'none' })
    await engine.start(id)
    await engine.wait(id)
    const text = await printed(id)
    await engine.remove(id)
    return text
  }

  /** Starts a process type with a PORT, and asks it for `paths` once it answers: bodies by path, and what SIGTERM made of it. */
  async function served(built: Built, paths: readonly string[], env: Record<string, string> = {}, type = 'web') {
    const network = await engine.ensureNetwork({ name: `${instance}-apps`, labels, isolated: true })
    const id = await engine.create({ ...specOf(built, built.processTypes[type]!, { PORT: '5123', ...env }), network })
    try {
      await engine.start(id)
      const bodies: Record<string, string> = {}
      for (const path of paths) {
        const wait = async () => ((await engine.find(id))?.state === 'exited' ? 'exited' : answerOf((await engine.find(id))?.ip, path))
        const answer = await until(wait, 30_000, `${type} answers ${path}`).catch(async (cause: Error) => `${cause.message}\n${await printed(id)}`)
        bodies[path] = answer === 'exited' ? `exited\n${await printed(id)}` : answer
      }
      await engine.stop(id, 10_000)
      return { ...bodies, exit: String((await engine.find(id))?.exit?.code), log: await printed(id) } as Record<string, string>
    } finally {
      await engine.remove(id)
    }
  } // prettier-ignore

  return {
    instance,
    engine,
    stack,
    build,
    makerOf,
    run,
    served,
    containersLeft: async () => (await engine.list(labels)).length,
    close: () => sweep(instance),
  }
}

/** "200 body", undefined while nothing answers. */
const answerOf = (host: string | undefined, path: string) =>
  new Promise<string | undefined>((resolve) => {
    if (!host) return resolve(undefined)
    const asked = request({ host, port: 5123, path, agent: false, timeout: 5000 }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve(`${response.statusCode} ${body.trim()}`))
    })
    asked.on('timeout', () => asked.destroy()).on('error', () => resolve(undefined))
    asked.end()
  })

/** A name that no other app of a run has: caches are kept by it. */
export const freshApp = () => `app-${randomBytes(4).toString('hex')}`
