// What a platform with 200 processes in 60 apps costs while nothing happens, and how soon it acts when something does. npm run bench quiet [seconds]
import { cleanUp, docker, INSTANCE, median, pause, prepareApp, startPlatform } from './support/platform.mjs'
import { processes } from './support/processes.mjs'

const SECONDS = Number(process.argv[2] ?? 30)
const APPS = 60
const PROCESSES = 200
const FIRST = 'quiet-0'

const sum = (all, key) => all.reduce((total, one) => total + one[key], 0)

const platform = await startPlatform()
const dynos = async () =>
  (await docker.listContainers({ filters: { label: [`dozen.instance=${INSTANCE}`, 'dozen.role=dyno'] } })).length

try {
  const before = sum(processes(platform.home), 'bytes')
  await fill()
  await pause(20_000) // what the last start set off is over
  const cost = async () => {
    const from = processes(platform.home)
    await pause(SECONDS * 1000)
    return processes(platform.home).map((one, index) => ({ ...one, share: (one.seconds - from[index].seconds) / SECONDS }))
  }
  const all = await cost()
  console.log(`${await dynos()} processes of ${APPS} apps; ${SECONDS} s without an event`)
  for (const { program, share, bytes } of all)
    console.log(
      `${program.padEnd(16)}${(share * 100).toFixed(2).padStart(8)} % of a core${(bytes / 2 ** 20).toFixed(0).padStart(8)} MiB`,
    )
  console.log(`${'all'.padEnd(16)}${(sum(all, 'share') * 100).toFixed(2).padStart(8)} % (bar: 1)${(sum(all, 'bytes') / 2 ** 20).toFixed(0).padStart(12)} MiB`) // prettier-ignore
  console.log(`${'before any app'.padEnd(16)}${(before / 2 ** 20).toFixed(0).padStart(29)} MiB (bar: 150)`)
  const acts = []
  for (let round = 0; round < 7; round++) acts.push(await firstAction(round + 2))
  console.log(`asked → first action on the engine ${Math.round(median(acts))} ms (bar: 100)`)
} finally {
  await platform.stop()
  await cleanUp()
}

/** One image for all apps, by promotion; `idle` processes do nothing but wait. */
async function fill() {
  const named = { name: 'quiet', version: '1.0.0' }
  const app = await prepareApp(platform, FIRST, {
    Procfile: 'idle: exec sleep infinity\n',
    'package.json': JSON.stringify({ ...named, private: true }), // without a start script, so that there is no web
    'package-lock.json': JSON.stringify({ ...named, lockfileVersion: 3, requires: true, packages: { '': named } }),
  })
  await (
    await app.commit('one')
  )()
  const owner = await platform.call('GET', '/account')
  const pipeline = await platform.call('POST', '/pipelines', { name: 'quiet', owner: { id: owner.id, type: 'user' } })
  const couple = (id, stage) => platform.call('POST', '/pipeline-couplings', { pipeline: pipeline.id, app: id, stage })
  const source = await platform.call('GET', `/apps/${FIRST}`)
  await couple(source.id, 'staging')
  const targets = []
  for (let n = 1; n < APPS; n++) {
    const { id } = await platform.call('POST', '/apps', { name: `quiet-${n}` })
    await couple(id, 'production')
    targets.push({ app: { id } })
  }
  await platform.call('POST', '/pipeline-promotions', {
    pipeline: { id: pipeline.id },
    source: { app: { id: source.id } },
    targets,
  })
  const each = Math.floor(PROCESSES / APPS)
  for (let n = 0; n < APPS; n++) {
    const quantity = each + (n < PROCESSES % APPS ? 1 : 0)
    while (!(await platform.call('PATCH', `/apps/quiet-${n}/formation/idle`, { quantity }).catch(() => undefined)))
      await pause(200)
    while ((await dynos()) < each * n - 10) await pause(200)
  }
  while ((await dynos()) < PROCESSES) await pause(500)
}

/** Milliseconds from the call that scales to the engine's first word of it. */
async function firstAction(quantity) {
  const seen = []
  const events = await docker.getEvents({ filters: { label: [`dozen.instance=${INSTANCE}`], event: ['create'] } })
  events.on('data', (chunk) => seen.push(JSON.parse(String(chunk).split('\n')[0]).timeNano / 1e6))
  const asked = Date.now()
  await platform.call('PATCH', `/apps/${FIRST}/formation/idle`, { quantity: quantity + 4 })
  while (seen.length === 0) await pause(5)
  events.destroy()
  await pause(3000)
  return seen[0] - asked
}
