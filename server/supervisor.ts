import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { parseConfig } from './config.ts'
import { lock } from './lock.ts'
import { isAlive, isRunning } from './orphan.ts'

/**
 * `dozen up`: starts the router and the controller, starts them again when they die, passes signals on. It holds no state, so that it has no
 * reason to die.
 */
const STEADY_MS = 10_000
const MAX_PAUSE_MS = 5_000
const STOP_MS = 9_000
/** How soon the end of an adopted router is seen. */
const LOOK_MS = 50

const children = new Map<string, Pick<ChildProcess, 'stdout'> & { kill(signal: NodeJS.Signals): unknown }>()
let stopping = false
let everReady = false
/** Ports that were 0 and have been chosen: a child that comes back comes back to its address. */
const chosenPorts: Record<string, string> = {}
/** Addresses of a predecessor whose router may serve on. */
const KEPT = 'endpoints.before.json'
let forgetPorts = () => {}

function remember(setting: 'DOZEN_API_PORT' | 'DOZEN_HTTP_PORT' | 'DOZEN_HTTPS_PORT', port: number | undefined) {
  if (port && Number(process.env[setting]) === 0 && process.env[setting]) chosenPorts[setting] = String(port)
}

/** The router's first line: {"ready":true,"http":{"port":8080},…}. */
function hearRouter(text: string) {
  const [line = ''] = text.split('\n')
  if (!line.startsWith('{"ready"')) return
  const { http, https } = JSON.parse(line) as { http: { port: number }; https: { port: number } | null }
  remember('DOZEN_HTTP_PORT', http.port)
  remember('DOZEN_HTTPS_PORT', https?.port)
}

/**
 * A predecessor that was killed left its addresses: whoever knows them finds us there again. They are kept until we are ready, in case we are killed
 * too. Gives the process id of its router.
 */
function recall(home: string): number | undefined {
  const [found, kept] = [join(home, 'endpoints.json'), join(home, KEPT)]
  forgetPorts = () => rmSync(kept, { force: true })
  if (existsSync(found)) renameSync(found, kept)
  const left = existsSync(kept) ? readEndpoints(kept) : undefined
  if (!left) return undefined
  const port = (url: string | null | undefined) => (url && URL.canParse(url) ? Number(new URL(url).port) : undefined)
  remember('DOZEN_API_PORT', port(left.api))
  remember('DOZEN_HTTP_PORT', port(left.http))
  remember('DOZEN_HTTPS_PORT', port(left.https))
  return left.pids?.router
}

/** Undefined for a file that a crash of the machine left empty or torn: then the ports are chosen anew. */
function readEndpoints(file: string): Endpoints | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Endpoints
  } catch {
    return undefined
  }
}

type Endpoints = { api: string; http: string; https: string | null; pids?: { router: number } }

/** A small young generation, for memory; and no threads to collect it that would want a processor of those who serve. */
const FLAGS = ['--max-semi-space-size=4', '--no-parallel-scavenge']

const ROUTER = '../router/main.js'
const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url))
/** With the age of the program, so that a router is adopted only by those who would start the same. */
const routerEnvironment = () => ({ ...process.env, DOZEN_ROUTER_BUILT: String(statSync(pathOf(ROUTER)).mtimeMs) })

/** The router of a killed predecessor serves on: it is taken as it is, and no request meets a port that nobody listens on. */
function adopt(pid: number) {
  children.set('router', { stdout: null, kill: (signal) => isAlive(pid) && process.kill(pid, signal) })
  const looking = setInterval(() => {
    if (isAlive(pid)) return
    clearInterval(looking)
    children.delete('router')
    if (stopping) return void (children.size === 0 && process.exit())
    console.error('dozen: the router ended; starting it again.')
    run('router', ROUTER)
  }, LOOK_MS)
}

/** The router of a predecessor gives its listening sockets to whoever connects here (router/handover.ts). Undefined when there is none. */
function dialPorts(home: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(join(home, 'router/ports.sock')).pause() // what it says is for our router
    socket.once('connect', () => resolve(socket)).on('error', () => resolve(undefined))
  })
}

/** `ports`, the predecessor's end, becomes the child's channel. */
function run(name: string, file: string, pauseMs = 0, ports?: Socket) {
  const started = Date.now()
  const child = spawn(process.execPath, [...FLAGS, pathOf(file), ...(ports ? ['heir'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit', ports ?? 'ipc'],
    env: { ...(name === 'router' ? routerEnvironment() : process.env), ...chosenPorts, ...(ports && { NODE_CHANNEL_FD: '3' }) },
  })
  ports?.destroy()
  children.set(name, child)
  child.stdout!.on('data', (bytes: Buffer) =>
    name === 'controller' ? process.stdout.write(bytes) : hearRouter(bytes.toString()),
  )
  child.on('message', (message) => {
    everReady = true
    forgetPorts()
    remember('DOZEN_API_PORT', (message as { apiPort?: number }).apiPort)
  })
  child.on('exit', (code, signal) => {
    children.delete(name)
    if (stopping) return void (children.size === 0 && process.exit())
    if (code && !everReady) {
      forgetPorts() // one of them may be what is wrong
      return stop(1) // it said why, and would say it again
    }
    const pause = Date.now() - started > STEADY_MS ? 0 : Math.min(MAX_PAUSE_MS, pauseMs * 2 || 50)
    console.error(`dozen: the ${name} ended (${signal ?? `status ${code}`}); starting it again.`)
    setTimeout(() => !stopping && run(name, file, pause), pause)
  })
}

function stop(code = 0) {
  if (stopping) return
  stopping = true
  if (children.size === 0) process.exit(code)
  process.exitCode = code
  for (const child of children.values()) child.kill('SIGTERM')
  setTimeout(() => {
    for (const child of children.values()) child.kill('SIGKILL')
    process.exit(code)
  }, STOP_MS).unref()
}

/** For the dozen that comes next: the controller ends, and the router serves on until the next one's takes its place. */
function handOver(home: string) {
  if (stopping) return
  stopping = true
  const endpoints = join(home, 'endpoints.json')
  if (existsSync(endpoints)) copyFileSync(endpoints, join(home, KEPT)) // the controller removes its own
  const [controller, router] = [children.get('controller'), children.get('router')]
  children.delete('router')
  router?.stdout?.destroy()
  if (!controller) process.exit()
  controller.kill('SIGTERM')
  setTimeout(() => controller.kill('SIGKILL'), STOP_MS).unref()
}

async function main() {
  const config = parseConfig(process.env)
  mkdirSync(config.home, { recursive: true, mode: 0o700 })
  chmodSync(config.home, 0o700)
  await lock(config.home, 'supervisor').catch(() => {
    throw new Error(`Another dozen is already running on ${config.home}. Stop it first, or set DOZEN_HOME to another folder.`)
  })
  const orphan = recall(config.home)
  process.on('SIGUSR2', () => handOver(config.home))
  process.on('SIGTERM', () => stop()).on('SIGINT', () => stop())
  if (orphan && isRunning(orphan, pathOf(ROUTER), routerEnvironment())) adopt(orphan)
  else run('router', ROUTER, 0, orphan ? await dialPorts(config.home) : undefined)
  run('controller', './main.js')
}

main().catch((cause: Error) => {
  console.error(`dozen: ${cause.message}`)
  process.exit(1)
})
