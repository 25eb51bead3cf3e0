import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHash } from 'node:crypto'
import { parseConfig } from './config.ts'

/**
 * `dozen up`: starts the router and the controller, starts them again when they die, passes signals on. It holds no state, so that it has no
 * reason to die; the lock on DOZEN_HOME is a socket name that the kernel frees with the process.
 */
const STEADY_MS = 10_000
const MAX_PAUSE_MS = 5_000
const STOP_MS = 9_000

const EX_CONFIG = 78 // sysexits.h: the settings, a port or the state folder are not usable

const children = new Map<string, ChildProcess>()
let stopping = false
let everReady = false

function run(name: string, file: string, pauseMs = 0) {
  const started = Date.now()
  const child = spawn(process.execPath, ['--max-semi-space-size=4', fileURLToPath(new URL(file, import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: process.env,
  })
  children.set(name, child)
  child.stdout!.on('data', (bytes: Buffer) => name === 'controller' && process.stdout.write(bytes))
  child.on('message', (message) => (everReady ||= message === 'ready'))
  child.on('exit', (code, signal) => {
    children.delete(name)
    if (stopping) return void (children.size === 0 && process.exit(0))
    if (code === EX_CONFIG && !everReady) return stop(1) // it said why, and would say it again
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

/** One platform per home: resolves with the held lock, rejects when somebody else holds it. */
function lock(home: string): Promise<Server> {
  const abstract = process.platform === 'linux' // an abstract socket: no file, gone with its owner (unix(7))
  const path = abstract
    ? `\0dozen-${createHash('sha256').update(home).digest('hex').slice(0, 32)}`
    : join(home, 'supervisor.sock')
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy()).unref()
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}

async function main() {
  const config = parseConfig(process.env)
  mkdirSync(config.home, { recursive: true, mode: 0o700 })
  chmodSync(config.home, 0o700)
  await lock(config.home).catch(() => {
    throw new Error(`Another dozen is already running on ${config.home}. Stop it first, or set DOZEN_HOME to another folder.`)
  })
  rmSync(join(config.home, 'endpoints.json'), { force: true })
  process.on('SIGTERM', () => stop()).on('SIGINT', () => stop())
  run('router', '../router/main.js')
  run('controller', './main.js')
}

main().catch((cause: Error) => {
  console.error(`dozen: ${cause.message}`)
  process.exit(1)
})
