// Push to live, against the floor: the engine's own image build of the same change + container start + first 200. Both in one run, medians.
// npm run bench deploy [rounds]
import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import Docker from 'dockerode'
import tar from 'tar-stream'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ROUNDS = Number(process.argv[2] ?? 7)
const INSTANCE = `test-bench-${process.pid}`
const labels = { 'dozen.instance': INSTANCE, 'dozen.role': 'bench' }
const docker = new Docker()
const base = mkdtempSync(join(tmpdir(), 'dozen-bench-'))

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
const server = (version) => readFileSync(join(ROOT, 'examples/hello/web.js'), 'utf8') + `\n// ${version}\n`

/** What the last round left is cleared away before the next is measured. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 4_000))

/** Resolves with the milliseconds until `isLive` is true. */
async function timed(work, isLive) {
  const started = performance.now()
  const polling = (async () => {
    while (!(await isLive().catch(() => false))) await new Promise((ok) => setTimeout(ok, 20))
    return performance.now() - started
  })()
  await work()
  return polling
}

function get({ port, host = '127.0.0.1', headers = {} }) {
  return new Promise((resolve, reject) => {
    const outgoing = http.get({ host, port, headers, agent: false, timeout: 1000 }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (text) => (body += text))
      answer.on('end', () => resolve({ status: answer.statusCode, body }))
    })
    outgoing.on('timeout', () => outgoing.destroy()).on('error', reject)
  })
}

// ── the floor ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
const DOCKERFILE = `FROM dozen/stack:latest
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY . .
CMD ["node", "web.js"]
`

async function context(version) {
  const pack = tar.pack()
  for (const name of ['package.json', 'package-lock.json', 'Procfile', 'worker.js'])
    pack.entry({ name }, readFileSync(join(ROOT, 'examples/hello', name)))
  pack.entry({ name: 'Dockerfile' }, DOCKERFILE)
  pack.entry({ name: 'web.js' }, server(version))
  pack.finalize()
  return pack
}

async function floor(version) {
  let ip
  let container
  const work = async () => {
    const stream = await docker.buildImage(await context(version), { t: `${INSTANCE}:floor`, labels, version: '2' })
    await new Promise((resolve, reject) => docker.followProgress(stream, (cause) => (cause ? reject(cause) : resolve())))
    container = await docker.createContainer({ Image: `${INSTANCE}:floor`, Env: ['PORT=5000'], Labels: labels })
    await container.start()
    ip = (await container.inspect()).NetworkSettings.IPAddress
  }
  const ms = await timed(work, async () => ip !== undefined && (await get({ host: ip, port: 5000 })).status === 200)
  await container.remove({ force: true })
  return ms
}

// ── dozen ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
async function startPlatform() {
  const home = join(base, 'home')
  const env = {
    ...process.env,
    DOZEN_HOME: home,
    DOZEN_INSTANCE: INSTANCE,
    DOZEN_API_PORT: '0',
    DOZEN_HTTP_PORT: '0',
    DOZEN_HTTPS_PORT: '0',
  }
  const child = spawn(process.execPath, [join(ROOT, 'bin/dozen.mjs'), 'up'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.on('data', (text) => String(text).includes('ready') && resolve()))
  const { api, http: web } = JSON.parse(readFileSync(join(home, 'endpoints.json'), 'utf8'))
  const token = readFileSync(join(home, 'admin-token'), 'utf8').trim()
  return {
    api,
    port: Number(new URL(web).port),
    token,
    stop: () => new Promise((ok) => (child.once('exit', ok), child.kill('SIGTERM'))),
  }
}

async function prepareApp({ api, token }) {
  const folder = join(base, 'app')
  cpSync(join(ROOT, 'examples/hello'), folder, { recursive: true, filter: (path) => !path.includes('node_modules') })
  writeFileSync(join(folder, 'Procfile'), 'web: node web.js\n')
  const git = (...args) =>
    run('git', args, {
      cwd: folder,
      env: { ...process.env, GIT_AUTHOR_NAME: 'b', GIT_AUTHOR_EMAIL: 'b@b', GIT_COMMITTER_NAME: 'b', GIT_COMMITTER_EMAIL: 'b@b' },
    })
  await fetch(`${api}/apps`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"name":"bench"}',
  })
  await git('init', '-q', '-b', 'main')
  await git('config', 'http.extraHeader', `Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`)
  return {
    async push(version, { empty = false } = {}) {
      if (!empty) writeFileSync(join(folder, 'web.js'), server(version).replace(/Hello from/, `${version} Hello from`))
      await git('add', '-A')
      await git('commit', '-q', '--allow-empty', '-m', version)
      return (log) => git('push', '-q', `${api}/bench.git`, 'main').then(log)
    },
  }
}

async function ours(platform, app, version) {
  const push = await app.push(version)
  return timed(push, async () =>
    (await get({ port: platform.port, headers: { host: 'bench.localhost' } })).body.includes(version),
  )
}

const platform = await startPlatform()
try {
  const app = await prepareApp(platform)
  await ours(platform, app, 'warm-up')
  await floor('warm-up')
  const [floors, pushes] = [[], []]
  for (let round = 1; round <= ROUNDS; round++) {
    await quiet()
    floors.push(await floor(`round-${round}`))
    await quiet()
    pushes.push(await ours(platform, app, `round-${round}`))
  }
  const rows = [
    ['floor: image build + start + first 200', median(floors)],
    ['dozen: git push → first 200 of it', median(pushes)],
  ]
  for (const [name, ms] of rows) console.log(`${name.padEnd(44)}${Math.round(ms).toString().padStart(6)} ms`)
  console.log(`${'ratio (bar: 2.0)'.padEnd(44)}${(median(pushes) / median(floors)).toFixed(2).padStart(9)}`)
} finally {
  await platform.stop()
  for (const one of await docker.listContainers({ all: true, filters: { label: [`dozen.instance=${INSTANCE}`] } }))
    await docker.getContainer(one.Id).remove({ force: true, v: true })
  for (const one of await docker.listImages({ filters: { label: [`dozen.instance=${INSTANCE}`] } }))
    await docker
      .getImage(one.Id)
      .remove({ force: true })
      .catch(() => {})
  for (const one of (await docker.listVolumes({ filters: { label: [`dozen.instance=${INSTANCE}`] } })).Volumes ?? [])
    await docker
      .getVolume(one.Name)
      .remove()
      .catch(() => {})
  for (const one of await docker.listNetworks({ filters: { label: [`dozen.instance=${INSTANCE}`] } }))
    await docker
      .getNetwork(one.Id)
      .remove()
      .catch(() => {})
  rmSync(base, { recursive: true, force: true })
}
