// What benchmarks share: a platform of their own, an app on it, and time until something is so.
import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import Docker from 'dockerode'

const run = promisify(execFile)
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
export const INSTANCE = `test-bench-${process.pid}`
export const labels = { 'dozen.instance': INSTANCE, 'dozen.role': 'bench' }
export const docker = new Docker()
export const base = mkdtempSync(join(tmpdir(), 'dozen-bench-'))

export const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
/** What the last round left is cleared away before the next is measured. */
export const quiet = () => pause(4_000)

/** Resolves with the milliseconds until `isLive` is true. */
export async function timed(work, isLive) {
  const started = performance.now()
  const polling = (async () => {
    while (!(await isLive().catch(() => false))) await pause(20)
    return performance.now() - started
  })()
  await work()
  return polling
}

export function get({ port, host = '127.0.0.1', headers = {}, timeout = 1000 }) {
  return new Promise((resolve, reject) => {
    const outgoing = http.get({ host, port, headers, agent: false, timeout }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (text) => (body += text))
      answer.on('end', () => resolve({ status: answer.statusCode, body }))
    })
    outgoing.on('timeout', () => outgoing.destroy()).on('error', reject)
  })
}

/** The real `dozen up` on free ports. */
export async function startPlatform(settings = {}) {
  const home = join(base, 'home')
  const env = {
    ...process.env,
    DOZEN_HOME: home,
    DOZEN_INSTANCE: INSTANCE,
    DOZEN_API_PORT: '0',
    DOZEN_HTTP_PORT: '0',
    DOZEN_HTTPS_PORT: '0',
    ...settings,
  }
  const child = spawn(process.execPath, [join(ROOT, 'bin/dozen.mjs'), 'up'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.on('data', (text) => String(text).includes('ready') && resolve()))
  const { api, http: web } = JSON.parse(readFileSync(join(home, 'endpoints.json'), 'utf8'))
  const token = readFileSync(join(home, 'admin-token'), 'utf8').trim()
  return {
    home,
    api,
    token,
    port: Number(new URL(web).port),
    /** One call of the API; rejects unless it succeeds. */
    async call(method, path, body) {
      const answer = await fetch(`${api}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      })
      const json = await answer.json()
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${json.message}`)
      return json
    },
    stop: () => new Promise((ok) => (child.once('exit', ok), child.kill('SIGTERM'))),
  }
}

/** A new app with a repository of `files` next to those of examples/hello; `push` resolves with a function that pushes the commit. */
export async function prepareApp({ api, token, call }, name, files = {}) {
  const folder = join(base, name)
  cpSync(join(ROOT, 'examples/hello'), folder, { recursive: true, filter: (path) => !path.includes('node_modules') })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  const who = { GIT_AUTHOR_NAME: 'b', GIT_AUTHOR_EMAIL: 'b@b', GIT_COMMITTER_NAME: 'b', GIT_COMMITTER_EMAIL: 'b@b' }
  const git = (...args) => run('git', args, { cwd: folder, env: { ...process.env, ...who } })
  await call('POST', '/apps', { name })
  await git('init', '-q', '-b', 'main')
  await git('config', 'http.extraHeader', `Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`)
  return {
    async commit(message, changed = {}) {
      for (const [file, text] of Object.entries(changed)) writeFileSync(join(folder, file), text)
      await git('add', '-A')
      await git('commit', '-q', '--allow-empty', '-m', message)
      return () => git('push', '-q', `${api}/${name}.git`, 'main')
    },
  }
}

/** Prints "name  123 ms". */
export const row = (name, ms) => console.log(`${name.padEnd(52)}${Math.round(ms).toString().padStart(6)} ms`)
export const ratio = (name, value) => console.log(`${name.padEnd(52)}${value.toFixed(2).padStart(9)}`)

/** Everything that carries our label, and the folder. */
export async function cleanUp() {
  const filters = { label: [`dozen.instance=${INSTANCE}`] }
  const ignoring = (removal) => removal.catch(() => {})
  for (const one of await docker.listContainers({ all: true, filters }))
    await ignoring(docker.getContainer(one.Id).remove({ force: true, v: true }))
  for (const one of await docker.listImages({ filters })) await ignoring(docker.getImage(one.Id).remove({ force: true }))
  for (const one of (await docker.listVolumes({ filters })).Volumes ?? []) await ignoring(docker.getVolume(one.Name).remove())
  for (const one of await docker.listNetworks({ filters })) await ignoring(docker.getNetwork(one.Id).remove())
  rmSync(base, { recursive: true, force: true })
}
