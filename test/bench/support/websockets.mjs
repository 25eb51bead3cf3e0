// WebSocket messages through a proxy, there and back: the echoing app and the clients, without a library, so that the proxy is what is measured.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
const ASK =
  'GET /ws HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
/** A masked text frame of 32 bytes. */
const MESSAGE = Buffer.concat([Buffer.from([0x81, 0x80 | 32, 1, 2, 3, 4]), Buffer.alloc(32, 'x')])

/** An app that sends back what it gets. Resolves with its port. */
export async function echo() {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(SWITCH)
      socket.on('data', (bytes) => socket.write(bytes))
    })
  }).listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  return server.address().port
}

/** 64 clients, each with one message on its way. Resolves with messages in all, per second, and the 99th percentile. */
async function chat(port, seconds, clients = 64) {
  const times = []
  let isOver = false
  const one = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(ASK))
      let sentAt = 0
      let missing = 0
      const send = () => {
        sentAt = performance.now()
        missing = MESSAGE.length
        socket.write(MESSAGE)
      }
      socket.on('error', reject).on('close', () => reject(new Error('The proxy closed a WebSocket.')))
      socket.on('data', (bytes) => {
        if (sentAt === 0) return send()
        missing -= bytes.length
        if (missing > 0) return
        times.push(performance.now() - sentAt)
        if (!isOver) return send()
        socket.destroy()
        resolve()
      })
    })
  const started = performance.now()
  setTimeout(() => (isOver = true), seconds * 1000)
  await Promise.all(Array.from({ length: clients }, one))
  const took = (performance.now() - started) / 1000
  const sorted = times.sort((a, b) => a - b)
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0
  return { count: times.length, rate: times.length / took, p99: `${p99.toFixed(2)}ms` }
}

// As a program: a process of its own, so that the clients and the app share no event loop.
if (process.argv[2] === 'chat') console.log(JSON.stringify(await chat(Number(process.argv[3]), Number(process.argv[4]))))
