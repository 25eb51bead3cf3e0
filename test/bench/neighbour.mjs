// A flood to one app beside a quiet one: the quiet one's latency alone and during the flood. npm run bench neighbour [seconds]
// The load generator and both apps share the machine with the router, and so does the raw round trip to the quiet app, which tells the machine's own part.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRouter } from './support/router.mjs'

const SECONDS = Number(process.argv[2] ?? 8)
const FLOOD = 200
const EVERY_MS = 5
const BAR = 2
const ask = (host) => `GET / HTTP/1.1\r\nHost: ${host}.localhost\r\n\r\n`

// As a program: an app of its own process.
if (process.argv[2] === 'app') {
  const server = createServer((_req, res) => res.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  console.log(server.address().port)
} else process.exit((await main()) ? 0 : 1)

async function startApp() {
  const child = spawn(process.execPath, [new URL(import.meta.url).pathname, 'app'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout, 'data')
  return { child, port: Number(line) }
}

/** Round trips of one request every 5 ms on one kept connection, in milliseconds. */
async function visit(port, host, seconds) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const times = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const sent = performance.now()
    socket.write(ask(host))
    await once(socket, 'data')
    times.push(performance.now() - sent)
    await sleep(EVERY_MS)
  }
  socket.destroy()
  const sorted = times.sort((a, b) => a - b)
  return { p50: sorted[Math.floor(sorted.length / 2)], p99: sorted[Math.floor(sorted.length * 0.99)] }
}

async function main() {
  const [quiet, loud] = [await startApp(), await startApp()]
  const router = await startRouter({ quiet: [`127.0.0.1:${quiet.port}`], loud: [`127.0.0.1:${loud.port}`] })
  const both = async (seconds) => ({ raw: await visit(quiet.port, 'quiet', seconds), routed: await visit(router.port, 'quiet', seconds) }) // prettier-ignore
  try {
    await visit(router.port, 'loud', 1)
    const alone = await both(SECONDS / 2)
    const url = `http://127.0.0.1:${router.port}/`
    const flood = spawn('wrk', ['-t1', `-c${FLOOD}`, `-d${SECONDS + 2}s`, '-H', 'Host: loud.localhost', url])
    await sleep(1000)
    const flooded = await both(SECONDS / 2)
    let text = ''
    flood.stdout.on('data', (chunk) => (text += chunk))
    await once(flood, 'exit')
    const show = ({ p50, p99 }) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`
    console.log(`flood: ${FLOOD} connections, ${/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]} requests/s`)
    for (const [name, { raw, routed }] of Object.entries({ alone, flooded })) console.log(`${name.padEnd(10)}straight to the quiet app: ${show(raw)}   through the router: ${show(routed)}`) // prettier-ignore
    const own = (of) => of.routed.p99
    console.log(
      `the quiet app's p99 × ${(own(flooded) / own(alone)).toFixed(2)} (bar: ${BAR}); straight × ${(flooded.raw.p99 / alone.raw.p99).toFixed(2)}`,
    )
    return own(flooded) <= BAR * own(alone)
  } finally {
    await router.stop()
    for (const { child } of [quiet, loud]) child.kill()
  }
}
