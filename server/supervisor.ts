import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { parseConfig } from './config.ts'
import { lock } from './lock.ts'

/**
 * `dozen up`: starts the router and the controller, starts them again when they die, passes signals on. It holds no state, so that it has no
 * reason to die.
 */
const STEADY_MS = 10_000
const MAX_PAUSE_MS = 5_000
const STOP_MS = 9_000

const children = new Map<string, ChildProcess>()
let stopping = false
let everReady = false
/** Ports that were 0 and have been chosen: a child that comes back comes back to its address. */
const chosenPorts: Record<string, string> = {}

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

/** A predecessor that was killed left its addresses: whoever knows them finds us there again. */
function recallPorts(file: string) {
  if (!existsSync(file)) return
  const { api, http, https } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string | null>
  const port = (url: string | null | undefined) => (url ? Number(new URL(url).port) : undefined)
  remember('DOZEN_API_PORT', port(api))
  remember('DOZEN_HTTP_PORT', port(http))
  remember('DOZEN_HTTPS_PORT', port(https))
}

function run(name: string, file: string, pauseMs = 0) {
  const started = Date.now()
  const child = spawn(process.execPath, ['--max-semi-space-size=4', fileURLToPath(new URL(file, import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...chosenPorts },
  })
  children.set(name, child)
  child.stdout!.on('data', (bytes: Buffer) =>
    name === 'controller' ? process.stdout.write(bytes) : hearRouter(bytes.toString()),
  )
  child.on('message', (message) => {
    everReady = true
    remember('DOZEN_API_PORT', (message as { apiPort?: number }).apiPort)
  })
  child.on('exit', (code, signal) => {
    children.delete(name)
    if (stopping) return void (children.size === 0 && process.exit())
    if (code && !everReady) return stop(1) // it said why, and would say it again
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

async function main() {
  const config = parseConfig(process.env)
  mkdirSync(config.home, { recursive: true, mode: 0o700 })
  chmodSync(config.home, 0o700)
  await lock(config.home, 'supervisor').catch(() => {
    throw new Error(`Another dozen is already running on ${config.home}. Stop it first, or set DOZEN_HOME to another folder.`)
  })
  recallPorts(join(config.home, 'endpoints.json'))
  rmSync(join(config.home, 'endpoints.json'), { force: true })
  process.on('SIGTERM', () => stop()).on('SIGINT', () => stop())
  run('router', '../router/main.js')
  run('controller', './main.js')
}

main().catch((cause: Error) => {
  console.error(`dozen: ${cause.message}`)
  process.exit(1)
})
