// The first visit to a sleeping app, against the floor: the same container made, started and asked until it answers 200. Both in one run, medians.
// npm run bench sleep [rounds]
import { cleanUp, docker, get, INSTANCE, labels, median, pause, prepareApp, quiet, ratio, row, startPlatform } from './support/platform.mjs' // prettier-ignore

const ROUNDS = Number(process.argv[2] ?? 7)
const ours = { label: [`dozen.instance=${INSTANCE}`, 'dozen.role=dyno'] }
const dynos = () => docker.listContainers({ filters: ours })

/** What dozen starts, as it starts it. */
async function specOf() {
  const [found] = await dynos()
  const { Config, HostConfig } = await docker.getContainer(found.Id).inspect()
  const { Image, Cmd, Entrypoint, Env, User, WorkingDir } = Config
  return { Image, Cmd, Entrypoint, Env, User, WorkingDir, HostConfig, Labels: labels }
}

async function floor(spec) {
  const started = performance.now()
  const container = await docker.createContainer(spec)
  await container.start()
  const { NetworkSettings } = await container.inspect()
  const [{ IPAddress: host }] = Object.values(NetworkSettings.Networks)
  const answers = () => get({ host, port: 5000 }).then(({ status }) => status === 200, () => false) // prettier-ignore
  while (!(await answers())) await pause(5)
  const ms = performance.now() - started
  await container.remove({ force: true })
  return ms
}

async function wake(platform) {
  const started = performance.now()
  const { status } = await get({ port: platform.port, headers: { host: 'bench.localhost' }, timeout: 60_000 })
  if (status !== 200) throw new Error(`The sleeping app answered ${status}.`)
  return performance.now() - started
}

async function asleep(platform) {
  const isAsleep = async () => (await platform.call('GET', '/apps/bench/sleep')).asleep_since !== null
  while (!(await isAsleep()) || (await dynos()).length > 0) await pause(100)
}

const platform = await startPlatform({ DOZEN_WATCH_WINDOW: '0' })
try {
  const app = await prepareApp(platform, 'bench', { Procfile: 'web: node web.js\n' })
  await (
    await app.commit('one')
  )()
  const spec = await specOf()
  await platform.call('PUT', '/apps/bench/sleep', { after: 2 })
  await asleep(platform)
  await floor(spec)
  await wake(platform)
  const [floors, wakes] = [[], []]
  for (let round = 1; round <= ROUNDS; round++) {
    await asleep(platform)
    await quiet()
    floors.push(await floor(spec))
    await quiet()
    wakes.push(await wake(platform))
  }
  row('floor: container made, started, first 200', median(floors))
  row('dozen: first visit to a sleeping app → 200', median(wakes))
  ratio('ratio (bar: 1.3)', median(wakes) / median(floors))
} finally {
  await platform.stop()
  await cleanUp()
}
