// The container engine: found, started or installed; a running one is never touched.
import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { canInstall, install } from './apt.mjs'
import { run, which } from './programs.mjs'
import { StepFailed } from './steps.mjs'

const DEFAULT_SOCKET = '/var/run/docker.sock'
export const socketPath = () => process.env.DOZEN_DOCKER_SOCKET || DEFAULT_SOCKET
const isRoot = () => process.getuid?.() === 0

/** One engine API call. Resolves with the status and the parsed body; rejects when the socket does not answer within 10 s. */
export function call(method, path, timeoutMs = 10_000) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: socketPath(), method, path, timeout: timeoutMs }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece) => (text += piece))
      answer.on('end', () => {
        const isJson = answer.headers['content-type']?.includes('json') && text !== ''
        resolve({ status: answer.statusCode, body: isJson ? JSON.parse(text) : text })
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })))
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** "answers", "denied" (the socket is not ours to use), "silent" (someone listens, nobody answers) or "absent". */
export async function look() {
  try {
    const { status } = await call('GET', '/_ping', 5000)
    return status === 200 ? 'answers' : 'silent'
  } catch (error) {
    if (error.code === 'EACCES' || error.code === 'EPERM') return 'denied'
    return error.code === 'ETIMEDOUT' ? 'silent' : 'absent'
  }
}

/** Waits for the engine to answer, at most `deadlineMs` and while `isComing`. */
async function isUp(deadlineMs, progress, isComing = () => true) {
  const end = performance.now() + deadlineMs
  while (performance.now() < end && isComing()) {
    if ((await look()) === 'answers') return true
    progress('waiting for the engine to answer')
    await sleep(200)
  }
  return false
}

/** Throws StepFailed with what to do where we cannot do it ourselves. */
export async function ensureEngine(progress) {
  const state = await look()
  if (state === 'answers') return 'already running'
  if (state === 'denied')
    throw new StepFailed(
      `This user may not use the container engine at ${socketPath()}: run \`sudo usermod -aG docker "$USER"\`, log in again, and run \`npm start\` again.`,
    )
  if (state === 'silent')
    throw new StepFailed(
      `The container engine at ${socketPath()} does not answer: restart it (\`systemctl restart docker\`), then run \`npm start\` again.`,
    )
  if (socketPath() !== DEFAULT_SOCKET)
    throw new StepFailed(
      `No container engine answers at DOZEN_DOCKER_SOCKET=${socketPath()}: start it there, or unset the variable.`,
    )
  if (which('dockerd')) return start(progress)
  return installed(progress)
}

async function installed(progress) {
  if (!canInstall())
    throw new StepFailed(
      'There is no container engine: run `sudo apt-get install -y docker.io mmdebstrap`, then `npm start` again.',
    )
  let lines = []
  if (!(await install(['docker.io', 'mmdebstrap', 'ca-certificates'], progress, (said) => (lines = said))))
    throw new StepFailed(
      'apt-get could not install docker.io: check that the package mirror is reachable, then run `npm start` again.',
      lines,
    )
  if (await isUp(hasSystemd() ? 20_000 : 1000, progress)) return 'installed docker.io'
  return `installed docker.io, ${await start(progress)}`
}

const hasSystemd = () => existsSync('/run/systemd/system')

async function start(progress) {
  if (!isRoot())
    throw new StepFailed(
      `The container engine is not running: start it with \`sudo ${hasSystemd() ? 'systemctl start docker' : 'dockerd'}\`, then run \`npm start\` again.`,
    )
  if (hasSystemd()) {
    const { code, lines } = await run('systemctl', ['start', 'docker'], { onLine: progress })
    if (code === 0 && (await isUp(60_000, progress))) return 'started with systemctl'
    throw new StepFailed('systemd could not start the container engine: `journalctl -u docker` says why.', lines)
  }
  return startAlone(progress)
}

const LOG = '/var/log/dockerd.log'

/** On a machine without an init system: a daemon of its own, which outlives us. */
async function startAlone(progress) {
  let hasEnded = false
  if (!isOtherAlive()) {
    const log = openSync(LOG, 'a', 0o640)
    const daemon = spawn(which('dockerd'), [], { detached: true, stdio: ['ignore', log, log], cwd: '/' })
    daemon.on('error', () => (hasEnded = true)).on('exit', () => (hasEnded = true))
    daemon.unref()
  }
  if (await isUp(60_000, progress, () => !hasEnded)) return `started, logs in ${LOG}`
  const lines = existsSync(LOG) ? readFileSync(LOG, 'utf8').trimEnd().split('\n') : []
  const telling = lines.filter((line) => /level=(error|fatal)|^failed|^unable/.test(line))
  throw new StepFailed(
    `The container engine does not start: ${LOG} says why; then run \`npm start\` again.`,
    (telling.length > 0 ? telling : lines).slice(-5),
  )
}

function isOtherAlive() {
  try {
    process.kill(Number(readFileSync('/var/run/docker.pid', 'utf8')), 0)
    return true
  } catch {
    return false
  }
}

const STALE_MS = 3 * 3_600_000

/** True for what this run's tests made ("test-<run>-…"), and for what those of a run that must be over did. */
const isLeft = (run) => (thing) => {
  const instance = thing.Labels?.['dozen.instance'] ?? ''
  const created = thing.Created ?? thing.CreatedAt
  const madeAt = typeof created === 'number' ? created * 1000 : Date.parse(created)
  return instance.startsWith(`test-${run}-`) || (instance.startsWith('test-') && Date.now() - madeAt > STALE_MS)
}

/** Removes from the engine what tests left behind: containers, networks, volumes and images. Resolves with how many there were. */
export async function sweepTests(run) {
  const filters = `filters=${encodeURIComponent(JSON.stringify({ label: ['dozen.instance'] }))}`
  const left = async (path, pick = (body) => body) =>
    (pick((await call('GET', `${path}?all=1&${filters}`)).body) ?? []).filter(isLeft(run))
  const containers = await left('/containers/json')
  for (const { Id } of containers) await call('DELETE', `/containers/${Id}?force=1&v=1`, 60_000)
  const networks = await left('/networks')
  for (const { Id } of networks) await call('DELETE', `/networks/${Id}`)
  const volumes = await left('/volumes', ({ Volumes }) => Volumes)
  for (const { Name } of volumes) await call('DELETE', `/volumes/${encodeURIComponent(Name)}?force=1`)
  const images = await left('/images/json')
  for (const { Id } of images) await call('DELETE', `/images/${Id}?force=1`, 60_000)
  return containers.length + networks.length + volumes.length + images.length
}
