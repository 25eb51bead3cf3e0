// Memory of a platform in which nothing happens: sum of PSS over supervisor, controller and router. npm run bench idle [seconds of rest]
import { cleanUp, pause, startPlatform } from './support/platform.mjs'
import { processes } from './support/processes.mjs'

const REST = Number(process.argv[2] ?? 20)
const BAR = 150
const mb = (bytes) => (bytes / 1e6).toFixed(1).padStart(10)
const sum = (all, key) => all.reduce((total, one) => total + one[key], 0)

const platform = await startPlatform()
let isMet = false
try {
  const atStart = processes(platform.home)
  // What a start leaves behind: one page of each kind, so that what is loaded on demand is loaded.
  await platform.call('GET', '/apps')
  await pause(REST * 1000)
  const all = processes(platform.home)
  console.log(`${'MB'.padEnd(28)}${'PSS'.padStart(10)}${'its own'.padStart(10)}${'shared'.padStart(10)}`)
  for (const { program, pss, own, shared } of all) console.log(`${program.padEnd(28)}${mb(pss)}${mb(own)}${mb(shared)}`)
  // Other Node programs on the machine carry a part of what is shared; alone, ours carry all of it.
  const alone = sum(all, 'own') + Math.max(...all.map(({ shared }) => shared))
  console.log(`${'sum when ready'.padEnd(28)}${mb(sum(atStart, 'pss'))}`)
  console.log(`${`sum after ${REST} s of rest`.padEnd(28)}${mb(sum(all, 'pss'))}   (bar: ${BAR})`)
  console.log(`${'if nothing else ran Node'.padEnd(28)}${mb(alone)}`)
  isMet = sum(all, 'pss') <= BAR * 1e6
} finally {
  await platform.stop()
  await cleanUp()
}
process.exit(isMet ? 0 : 1)
