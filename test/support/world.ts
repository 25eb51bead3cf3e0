import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { type Answer, fetchVia, Load, type Target } from './load.ts'
import { type Finished, isAlive, newInstance, processesOf, ROOT, run, type RunOptions, until } from './programs.ts'
import { onTerminal } from './pty.ts'
import { containersOf, sweep } from './sweep.ts'
import { type Source, Worktree } from './worktree.ts'

export { isAlive, ROOT, run, until } from './programs.ts'
export { type Files, nodeApp } from './worktree.ts'
export { inspect, leftovers, signal } from './sweep.ts'

export type Endpoints = { api: string; http: string; https: string; instance: string }
/** `output` is everything git wrote, both streams. */
export type Pushed = { code: number; output: string; commit: string }
export type WorldOptions = {
  /** Settings on top of the random home, instance and ports, e.g. `{ DOZEN_BOOT_TIMEOUT: '5s' }`. */
  env?: Record<string, string>
}

const BIN = join(ROOT, 'bin/dozen.mjs')

/** A whole platform of its own: the real `dozen up` on free ports, a fresh home, an instance label nobody else has. */
export class World {
  readonly base = mkdtempSync(join(tmpdir(), 'dozen-world-'))
  readonly home = join(this.base, 'home')
  readonly instance = newInstance()
  readonly domain: string
  /** Everything the supervisor printed, all starts together. */
  output = ''
  private readonly apps = new Map<string, Worktree>()
  private readonly loads = new Set<Load>()
  /** Of the next start. */
  readonly settings: Record<string, string>
  private supervisor: ChildProcess | undefined
  private known: Endpoints | undefined
  private readonly lastResort = () => this.processes().forEach(({ pid }) => process.kill(pid, 'SIGKILL'))

  constructor(options: WorldOptions = {}) {
    this.settings = {
      DOZEN_HOME: this.home,
      DOZEN_INSTANCE: this.instance,
      DOZEN_API_PORT: '0',
      DOZEN_HTTP_PORT: '0',
      DOZEN_HTTPS_PORT: '0',
      DOZEN_HTTP_HOST: '127.0.0.1',
      ...options.env,
    }
    this.domain = this.settings.DOZEN_DOMAIN ?? 'localhost'
    process.once('exit', this.lastResort)
  }

  // ── the platform ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `dozen up`, until it says that it is ready. After `down` it starts again on the same home. */
  async up(deadlineMs = 120_000): Promise<void> {
    if (!existsSync(join(ROOT, 'dist/server/supervisor.js'))) throw new Error('Nothing is built: run `npm run build` first.')
    const from = this.output.length
    const child = spawn(process.execPath, [BIN, 'up'], {
      env: this.environment(),
      cwd: this.base,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.supervisor = child
    const hear = (text: string) => (this.output += text)
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    await until(
      () => {
        if (child.exitCode !== null || child.signalCode !== null) return 'ended'
        return this.output.slice(from).includes('dozen is ready')
      },
      deadlineMs,
      '`dozen up` says "dozen is ready"',
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.output}`)
    })
    if (child.exitCode !== null) throw new Error(`\`dozen up\` ended with status ${child.exitCode}:\n${this.output.slice(from)}`)
    this.known = this.readEndpoints()
  }

  /** Stops the platform with `signal` and waits for its end; returns its exit status. The app containers stay. */
  async down(signal: NodeJS.Signals = 'SIGTERM', deadlineMs = 15_000): Promise<number | null> {
    const child = this.supervisor
    if (!child) return null
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill(signal)
      const hasEnded = await Promise.race([ended.then(() => true), until(() => false, deadlineMs).catch(() => false)])
      if (!hasEnded) throw new Error(`\`dozen up\` had not ended ${deadlineMs} ms after ${signal}.\n${this.output}`)
    }
    this.supervisor = undefined
    return child.exitCode
  }

  /** A second `dozen up` on the same home, to its end. */
  upAgain(): Promise<Finished> {
    return run(process.execPath, [BIN, 'up'], { env: this.environment(), cwd: this.base, timeoutMs: 30_000 })
  }

  /** Addresses in force; while a restart rewrites the file, those of before. */
  get endpoints(): Endpoints {
    try {
      this.known = this.readEndpoints()
    } catch {
      // the file is absent between two starts
    }
    if (!this.known) throw new Error('The platform has not been ready yet.')
    return this.known
  }

  get token(): string {
    return readFileSync(join(this.home, 'admin-token'), 'utf8').trim()
  }

  get supervisorPid(): number {
    return this.supervisor?.pid ?? 0
  }

  /** kill -9; resolves with the dead one's pid once it is gone. The supervisor starts another. */
  killController = (): Promise<number> => this.kill(['server/main.js'])
  /** kill -9; resolves with the dead one's pid once it is gone. */
  killRouter = (): Promise<number> => this.kill(['router/main.js'])

  controllerPids = (): number[] => this.pids('server/main.js')
  routerPids = (): number[] => this.pids('router/main.js')

  // ── the user's hands ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `dozen create [name]` in a new git repository, which from then on is the app's. Returns the app's name. */
  async create(name?: string): Promise<string> {
    const folder = join(this.base, 'apps', name ?? randomBytes(4).toString('hex'))
    if (name && this.apps.delete(name)) {
      await this.cli('destroy', '-a', name, '--confirm', name) // a test's second try
      await rm(folder, { recursive: true, force: true })
    }
    await mkdir(folder, { recursive: true })
    const tree = new Worktree(folder, this.environment())
    await tree.init()
    const made = await this.cliWith({ cwd: folder }, 'create', ...(name ? [name] : []))
    if (made.code !== 0) throw new Error(`dozen create failed with status ${made.code}:\n${made.stderr}${made.stdout}`)
    const called = name ?? /[a-z][a-z0-9-]{1,28}[a-z0-9]/.exec(made.stdout)?.[0]
    if (!called) throw new Error(`dozen create printed no name:\n${made.stdout}`)
    this.apps.set(called, tree)
    return called
  }

  /** Makes `source` the app's tree, commits and pushes it with git. Rejects when the push fails, or with `expectFail` when it does not. */
  async push(app: string, source: Source, options: { expectFail?: boolean; ref?: string } = {}): Promise<Pushed> {
    const pushed = await this.tryPush(app, source, options.ref)
    if ((pushed.code !== 0) === (options.expectFail ?? false)) return pushed
    throw new Error(`git push ended with status ${pushed.code}:\n${pushed.output}`)
  }

  /** As `push`, whatever becomes of it. */
  async tryPush(app: string, source: Source, ref = 'HEAD:main'): Promise<Pushed> {
    const tree = this.worktree(app)
    const commit = await tree.commit(source)
    const { code, stdout, stderr } = await tree.git('push', 'dozen', ref)
    return { code, output: stdout + stderr, commit }
  }

  /** The app's working tree, to use git in it directly. */
  worktree(app: string): Worktree {
    const tree = this.apps.get(app)
    if (!tree) throw new Error(`No app ${app} in this world: create('${app}') first.`)
    return tree
  }

  /** The real CLI, logged in by its environment. */
  cli(...args: string[]): Promise<Finished> {
    return this.cliWith({}, ...args)
  }

  /** A command that works on the machine's own files, whether the platform runs or not. */
  onMachine(...args: string[]): Promise<Finished> {
    return run(process.execPath, [BIN, ...args], { env: this.environment(), cwd: this.base })
  }

  cliWith(options: RunOptions, ...args: string[]): Promise<Finished> {
    const env = { ...this.environment(), DOZEN_URL: this.endpoints.api, DOZEN_TOKEN: this.token, ...options.env }
    return run(process.execPath, [BIN, ...args], { cwd: this.base, ...options, env })
  }

  /** The CLI on a real terminal. */
  cliOnTerminal(...args: string[]) {
    const env = { ...this.environment(), DOZEN_URL: this.endpoints.api, DOZEN_TOKEN: this.token, TERM: 'xterm' }
    return onTerminal([process.execPath, BIN, ...args], { env, cwd: this.base })
  }

  /** As `cli`, but rejects unless it ends with status 0; resolves with its stdout. */
  async cliOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(...args)
    if (code !== 0) throw new Error(`dozen ${args.join(' ')} ended with status ${code}:\n${stderr}${stdout}`)
    return stdout
  }

  /** One Platform API call with the admin's token; the body is parsed JSON when it is JSON. */
  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<{ status: number; headers: Headers; body: T }> {
    const answer = await fetch(new URL(path, this.endpoints.api), {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        accept: 'application/vnd.heroku+json; version=3',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') && text !== ''
    return { status: answer.status, headers: answer.headers, body: (isJson ? JSON.parse(text) : text) as T }
  }

  /** The last lines of an app's stream, as `dozen logs` prints them. */
  async logs(app: string, lines = 1500): Promise<string> {
    const { stdout, stderr, code } = await this.cli('logs', '--app', app, '--num', String(lines))
    return code === 0 ? stdout : stderr
  }

  /** `dozen logs --tail`, until `stop`. */
  tail(app: string): { output: () => string; stop: () => Promise<void> } {
    const env = { ...this.environment(), DOZEN_URL: this.endpoints.api, DOZEN_TOKEN: this.token }
    const child = spawn(process.execPath, [BIN, 'logs', '--tail', '--app', app], {
      env,
      cwd: this.base,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    return {
      output: () => text,
      stop: () => {
        child.kill('SIGKILL')
        return ended
      },
    }
  }

  // ── the visitors ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** One request through the router. `host` is an app's name or a whole host name. */
  get(host: string, path = '/', more: Partial<Target> = {}): Promise<Answer> {
    return fetchVia({ ...this.target(host), path, ...more })
  }

  /** Waits until the app answers 200 with a body that contains `version`. */
  expectUp(host: string, version: string, deadlineMs = 60_000): Promise<Answer> {
    const isIt = async () => {
      const answer = await this.get(host)
      if (answer.status === 200 && answer.body.includes(version)) return answer
      throw new Error(`status ${answer.status}: ${answer.body.slice(0, 300)}`)
    }
    return until(isIt, deadlineMs, `${host} answers 200 with ${JSON.stringify(version)}`)
  }

  /** Starts a constant flow of requests on kept and on new connections, and resolves once it flows. */
  async load(host: string, options: ConstructorParameters<typeof Load>[1] & { path?: string } = {}): Promise<Load> {
    const { path = '/', ...flow } = options
    const load = new Load(() => ({ ...this.target(host), path }), flow)
    this.loads.add(load)
    await until(() => load.ok >= 20 || load.failed.length > 0, 30_000, `requests to ${host} flow`)
    return load
  }

  until = until

  /** Containers of this world by what the engine says; with `app` its own only. */
  async containers(app?: string) {
    const all = await containersOf(this.instance)
    if (!app) return all
    const { body } = await this.api<{ id: string }>('GET', `/apps/${app}`)
    return all.filter(({ labels }) => labels['dozen.app'] === body.id)
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a failed test needs to be understood: the platform's own output, and each app's stream without its plain request lines. */
  async dump(): Promise<string> {
    const isPlain = (line: string) => line.includes('dozen[router]: at=info')
    const stream = async (app: string) => {
      const lines = (await this.logs(app).catch(String)).split('\n')
      return [
        `── ${app} (${lines.filter(isPlain).length} request lines left out) ──`,
        ...lines.filter((line) => !isPlain(line)).slice(-300),
      ].join('\n')
    }
    const streams = await Promise.all([...this.apps.keys()].map(stream))
    return [`── dozen up (${this.home}) ──\n${this.output.slice(-20_000)}`, ...streams].join('\n')
  }

  /** Stops everything and leaves nothing: processes, containers, images, volumes, networks, folders. */
  async close(): Promise<void> {
    await Promise.all([...this.loads].map((load) => load.stop()))
    let problem: unknown
    await this.down().catch((error: unknown) => (problem = error))
    this.lastResort()
    process.removeListener('exit', this.lastResort)
    await until(() => this.processes().every(({ pid }) => !isAlive(pid)), 10_000, 'no process of this world is left')
    await sweep(this.instance)
    rmSync(this.base, { recursive: true, force: true })
    if (problem) throw problem
  }

  private target(host: string): Target {
    return { url: this.endpoints.http, host: host.includes('.') ? host : `${host}.${this.domain}` }
  }

  private readEndpoints(): Endpoints {
    return JSON.parse(readFileSync(join(this.home, 'endpoints.json'), 'utf8')) as Endpoints
  }

  /** The outside's environment without its DOZEN_ settings and its user's git and CLI settings. */
  private environment(): NodeJS.ProcessEnv {
    const outside = Object.entries(process.env).filter(([key]) => !/^(DOZEN_|VITEST|GIT_)/.test(key) && key !== 'NODE_ENV')
    return {
      ...Object.fromEntries(outside),
      HOME: this.base,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      ...this.settings,
    }
  }

  private processes() {
    return processesOf(this.home).filter(({ pid }) => isAlive(pid))
  }

  private pids(program: string): number[] {
    return this.processes().flatMap(({ pid, argv }) => (argv.some((arg) => arg.endsWith(program)) ? [pid] : []))
  }

  private async kill(programs: string[]): Promise<number> {
    const pids = programs.flatMap((program) => this.pids(program))
    const [first] = pids
    if (first === undefined) throw new Error(`No process runs ${programs.join(' or ')}:\n${this.output.slice(-4000)}`)
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await until(() => pids.every((pid) => !isAlive(pid)), 5000, 'the killed process is gone')
    return first
  }
}

/** A started world; close it. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World(options)
  try {
    await world.up()
  } catch (error) {
    await world.close().catch(() => {})
    throw error
  }
  return world
}

/**
 * A world for the tests of the enclosing `describe` or file: started before the first, closed after the last,
 * its streams printed after each failed one. Not before `beforeAll` may it be used.
 */
export function useWorld(options: WorldOptions = {}): World {
  let world: World | undefined
  beforeAll(async () => {
    world = await startWorld(options)
  })
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail' && world) console.error(await world.dump())
  })
  afterAll(() => world?.close())
  return new Proxy({} as World, {
    get(_, key) {
      if (!world) throw new Error('The world starts in beforeAll; use it inside a test.')
      const value: unknown = Reflect.get(world, key, world)
      return typeof value === 'function' ? (value.bind(world) as unknown) : value
    },
  })
}
