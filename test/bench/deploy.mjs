// Push to live against the floor, in one run, medians. The floor: the engine's own build of the same change + container start + first 200.
// npm run bench deploy [rounds]
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import tar from 'tar-stream'
import { cleanUp, docker, get, INSTANCE, labels, median, prepareApp, quiet, ratio, ROOT, row, startPlatform, timed } from './support/platform.mjs' // prettier-ignore

const ROUNDS = Number(process.argv[2] ?? 7)
const HELLO = join(ROOT, 'examples/hello')
const server = (version) => readFileSync(join(HELLO, 'web.js'), 'utf8').replace(/Hello from/, `${version} Hello from`)

/** package.json and a lockfile of real dependencies that differ by one version of one of them: a dependency change. */
const DEPENDENCIES = {
  fastify: '5.6.1',
  express: '4.21.2',
  ms: '2.1.3',
}
const VERSIONS = ['2.1.2', '2.1.3']

// ── the floor ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
const DOCKERFILE = `FROM dozen/stack:latest
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY . .
CMD ["node", "web.js"]
`

function context(files) {
  const pack = tar.pack()
  for (const name of ['Procfile', 'worker.js']) pack.entry({ name }, readFileSync(join(HELLO, name)))
  pack.entry({ name: 'Dockerfile' }, DOCKERFILE)
  for (const [name, content] of Object.entries(files)) pack.entry({ name }, content)
  pack.finalize()
  return pack
}

/** Milliseconds from the start of a container of `image` to its first 200. */
async function started(image, work = async () => {}, cmd = undefined) {
  let ip
  let container
  const all = async () => {
    await work()
    container = await docker.createContainer({ Image: image(), Env: ['PORT=5000'], Labels: labels, ...(cmd && { Cmd: cmd }) })
    await container.start()
    ip = (await container.inspect()).NetworkSettings.IPAddress
  }
  const ms = await timed(all, async () => ip !== undefined && (await get({ host: ip, port: 5000 })).status === 200)
  await container.remove({ force: true })
  return ms
}

/** The engine tells failures among its events. */
function checked(events) {
  const failure = events.find(({ error }) => error)
  if (failure) throw new Error(failure.error)
}

const floor = (files) =>
  started(
    () => `${INSTANCE}:floor`,
    async () => {
      const stream = await docker.buildImage(context(files), { t: `${INSTANCE}:floor`, labels, version: '2' })
      await new Promise((resolve, reject) => docker.followProgress(stream, (cause, events) => (cause ? reject(cause) : resolve(events)))).then(checked) // prettier-ignore
    },
  )

// ── dozen ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
const platform = await startPlatform()
const body = async (name) => (await get({ port: platform.port, headers: { host: `${name}.localhost` } })).body

/** From `git push` to the first answer that holds `mark`. */
async function live(app, name, mark, changed) {
  const push = await app.commit(mark, changed)
  return timed(push, async () => (await body(name)).includes(mark))
}

/** From the push of an empty commit to the first answer of the release that it makes. */
async function empty(app, name) {
  const before = await body(name)
  const push = await app.commit('empty')
  return timed(push, async () => release(await body(name)) > release(before))
}
const release = (text) => Number(/ v(\d+) /.exec(text)?.[1] ?? Number.NaN)

// ── the bars ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
const lock = (name) => readFileSync(join(HELLO, name), 'utf8')

async function codeChange() {
  const app = await prepareApp(platform, 'code', { Procfile: 'web: node web.js\n' })
  const files = (mark) => ({ 'package.json': lock('package.json'), 'package-lock.json': lock('package-lock.json'), 'web.js': server(mark) }) // prettier-ignore
  await live(app, 'code', 'warm-up', { 'web.js': server('warm-up') })
  await floor(files('warm-up'))
  const [floors, pushes] = [[], []]
  for (let round = 1; round <= ROUNDS; round++) {
    await quiet()
    floors.push(await floor(files(`round-${round}`)))
    await quiet()
    pushes.push(await live(app, 'code', `round-${round}`, { 'web.js': server(`round-${round}`) }))
  }
  row('floor: image build + start + first 200', median(floors))
  row('dozen: git push → first 200 of it', median(pushes))
  ratio('code change / floor (bar: 1.5)', median(pushes) / median(floors))
  return { app, floorMs: median(floors) }
}

async function emptyCommit(app) {
  const image = (await docker.listImages({ filters: { label: [`dozen.instance=${INSTANCE}`, 'dozen.role=image'] } }))[0].Id
  const [starts, pushes] = [[], []]
  for (let round = 1; round <= ROUNDS; round++) {
    await quiet()
    starts.push(await started(() => image, undefined, ['/opt/dozen/start', 'node web.js']))
    await quiet()
    pushes.push(await empty(app, 'code'))
  }
  row('container start + first 200', median(starts))
  row('dozen: push of an empty commit → its first 200', median(pushes))
  ratio('empty commit / start (bar: 1.2)', median(pushes) / median(starts))
}

/** What the package manager itself needs in the build container: its cache is warm, node_modules is not there. */
async function install(files) {
  const options = { Image: 'dozen/stack:latest', Labels: labels, Cmd: ['sleep', '60'], User: 'app', HostConfig: { Mounts: [{ Type: 'volume', Source: `${INSTANCE}-npm`, Target: '/cache' }] }, Env: ['HOME=/app', 'npm_config_cache=/cache/npm', `NPM_CONFIG_REGISTRY=${registry}`, 'NODE_ENV=production'] } // prettier-ignore
  const container = await docker.createContainer(options)
  await container.start()
  const pack = tar.pack()
  for (const [name, content] of Object.entries(files)) pack.entry({ name, uid: 1000, gid: 1000 }, content)
  pack.finalize()
  await container.putArchive(pack, { path: '/app' })
  const exec = await container.exec({ Cmd: ['npm', 'ci', '--include=dev', '--no-audit', '--no-fund'], AttachStdout: true })
  const began = performance.now()
  const stream = await exec.start({})
  await new Promise((resolve) => stream.on('end', resolve).resume())
  const ms = performance.now() - began
  const { ExitCode } = await exec.inspect()
  if (ExitCode !== 0) throw new Error(`npm ci ended with ${ExitCode}`)
  await container.remove({ force: true })
  return ms
}

/** The files of each version, with the lockfile that npm itself writes. */
async function variants() {
  const { mkdtempSync, writeFileSync, rmSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  return VERSIONS.map((ms) => {
    const folder = mkdtempSync(join(tmpdir(), 'dozen-bench-lock-'))
    const manifest = JSON.stringify({ name: 'hello', version: '1.0.0', private: true, type: 'module', dependencies: { ...DEPENDENCIES, ms } }, undefined, 2) // prettier-ignore
    writeFileSync(join(folder, 'package.json'), manifest)
    execFileSync('npm', ['install', '--package-lock-only', '--no-audit', '--no-fund', '--omit-lockfile-registry-resolved'], { cwd: folder }) // prettier-ignore
    const files = { 'package.json': manifest, 'package-lock.json': readFileSync(join(folder, 'package-lock.json'), 'utf8') }
    rmSync(folder, { recursive: true })
    return files
  })
}
const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim() // prettier-ignore

async function dependencyChange(floorMs) {
  const both = await variants()
  const app = await prepareApp(platform, 'deps', { Procfile: 'web: node web.js\n' })
  const push = (round) => live(app, 'deps', `deps-${round}`, { ...both[round % 2], 'web.js': server(`deps-${round}`) })
  for (const round of [0, 1]) {
    await push(round)
    await install(both[round])
  }
  const [installs, pushes] = [[], []]
  for (let round = 2; round < 2 + Math.max(3, ROUNDS - 2); round++) {
    await quiet()
    installs.push(await install(both[round % 2]))
    await quiet()
    pushes.push(await push(round))
  }
  row('npm ci in the build container', median(installs))
  row('dozen: git push of a dependency change → first 200', median(pushes))
  ratio('dependency change / (1.2 × npm ci + floor) (bar: 1.0)', median(pushes) / (1.2 * median(installs) + floorMs))
}

/** Bytes of the files in /app of an image. */
async function treeBytes(Image) {
  const container = await docker.createContainer({ Image, Labels: labels, Cmd: ['find', '/app', '-type', 'f', '-printf', '%s\\n'], Tty: true }) // prettier-ignore
  await container.start()
  await container.wait()
  const text = String(await container.logs({ stdout: true }))
  await container.remove({ force: true })
  return text.split(/\s+/).reduce((sum, size) => sum + Number(size), 0)
}

async function imageSize() {
  const [image] = await docker.listImages({ filters: { label: [`dozen.instance=${INSTANCE}`, 'dozen.role=image'] } })
  const [whole, base] = await Promise.all([image.Id, 'dozen/stack:run'].map((id) => docker.getImage(id).inspect()))
  const tree = await treeBytes(image.Id)
  console.log(`image ${whole.Size} B = run image ${base.Size} B + app tree ${tree} B + ${whole.Size - base.Size - tree} B`)
  ratio('image / (run image + app tree) (bar: 1.05)', whole.Size / (base.Size + tree))
}

try {
  const { app, floorMs } = await codeChange()
  await imageSize()
  await emptyCommit(app)
  await dependencyChange(floorMs)
} finally {
  await platform.stop()
  await cleanUp()
}
