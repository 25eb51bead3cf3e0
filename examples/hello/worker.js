import { setTimeout as sleep } from 'node:timers/promises'
import ms from 'ms'

const every = ms(process.env.WORK_EVERY ?? '30s')
const stopped = new AbortController()

process.on('SIGTERM', () => stopped.abort())

console.log(`working every ${ms(every, { long: true })}`)
for (let job = 1; !stopped.signal.aborted; job += 1) {
  await sleep(every, undefined, { signal: stopped.signal }).catch(() => {})
  if (!stopped.signal.aborted) console.log(`finished job ${job}`)
}
console.log('the job in hand is done, closing')
