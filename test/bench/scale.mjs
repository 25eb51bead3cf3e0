// Scaling and rolling back, against the engine's own time for the same containers. npm run bench scale [rounds]
import { cleanUp, docker, get, INSTANCE, labels, median, pause, prepareApp, quiet, ratio, row, startPlatform, timed } from './support/platform.mjs' // prettier-ignore

const ROUNDS = Number(process.argv[2] ?? 5)
/** What comes with going from one to ten. */
const MORE = 9
const APP = 'bench'
const PORT = 5000
const started = []

/** As many containers of the app's image at once as asked, on the network that the platform uses, until each answers 200. */
async function floor(image, count) {
  const addresses = []
  const one = async () => {
    const container = await docker.createContainer({
      Image: image, Entrypoint: ['/opt/dozen/start'], Cmd: ['node web.js'], Env: [`PORT=${PORT}`], Labels: labels,
      HostConfig: { NetworkMode: `dozen-${INSTANCE}`, Tmpfs: { '/tmp': '' } },
    }) // prettier-ignore
    started.push(container)
    await container.start()
    addresses.push((await container.inspect()).NetworkSettings.Networks[`dozen-${INSTANCE}`].IPAddress)
  }
  const answers = async () =>
    addresses.length === count && (await Promise.all(addresses.map((host) => get({ host, port: PORT })))).every(({ status }) => status === 200) // prettier-ignore
  const ms = await timed(() => Promise.all(Array.from({ length: count }, one)), answers)
  await Promise.all(started.splice(0).map((container) => container.remove({ force: true })))
  return ms
}

const platform = await startPlatform({ DOZEN_WATCH_WINDOW: '0', DOZEN_STOP_TIMEOUT: '1s' })
const dynos = () => platform.call('GET', `/apps/${APP}/dynos`)
const running = async () => (await dynos()).filter(({ state }) => state === 'up').length
const until = async (isSo) => {
  while (!(await isSo())) await pause(50)
}
const scale = async (quantity) => {
  const ms = await timed(
    () => platform.call('PATCH', `/apps/${APP}/formation/web`, { quantity }),
    async () => (await running()) >= quantity,
  )
  await until(async () => (await dynos()).length === quantity)
  return ms
}
const served = async () => (await get({ port: platform.port, headers: { host: `${APP}.localhost` } })).body

try {
  const app = await prepareApp(platform, APP, { Procfile: 'web: node web.js\n' })
  for (const version of ['one', 'two']) await (await app.commit(version, { 'web.js': program(version) }))()
  const releases = await platform.call('GET', `/apps/${APP}/releases`)
  const image = releases.at(-1).image
  const rounds = { floorTen: [], ten: [], floorOne: [], back: [] }
  for (let round = 0; round < ROUNDS; round++) {
    await quiet()
    rounds.floorTen.push(await floor(image, MORE))
    await quiet()
    rounds.ten.push(await scale(10))
    await scale(1)
    await quiet()
    rounds.floorOne.push(await floor(image, 1))
    await quiet()
    rounds.back.push(await rollback())
  }
  row('engine: nine containers at once + first 200 of each', median(rounds.floorTen))
  row('dozen: ps:scale web=1 → 10, all up and routed', median(rounds.ten))
  ratio('ratio (bar: 1.3)', median(rounds.ten) / median(rounds.floorTen))
  row('engine: one container + first 200', median(rounds.floorOne))
  row('dozen: rollback → first 200 of it', median(rounds.back))
  ratio('ratio (bar: 1.3)', median(rounds.back) / median(rounds.floorOne))
} finally {
  await platform.stop()
  await cleanUp()
}

async function rollback() {
  const before = await served()
  const [current] = (await platform.call('GET', `/apps/${APP}/releases`)).filter((one) => one.current)
  const all = await platform.call('GET', `/apps/${APP}/releases`)
  const target = all.findLast((one) => one.image && one.image !== current.image && one.status === 'succeeded')
  return timed(
    () => platform.call('POST', `/apps/${APP}/releases`, { release: target.id }),
    async () => (await served()) !== before,
  )
}

function program(version) {
  return `import http from 'node:http'\nhttp.createServer((_, res) => res.end('${version}')).listen(process.env.PORT)\n`
}
