import { createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { dialWire } from './raw-wire.ts'
import { until } from './testing.ts'
import type { Wire } from './wire.ts'

const MiB = 1024 * 1024

it('hands over what a connection has in parts, each in a round of the loop of its own, paused in between or not', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}).end(Buffer.alloc(4 * MiB, 'x'))).listen(
    0,
    '127.0.0.1',
  )
  await until(() => server.listening)
  let round = 0
  let isOver = false
  const tick = () => isOver || ((round += 1), setImmediate(tick))
  tick()
  const parts: { size: number; round: number }[] = []
  let hasEnded = false
  let isPausing = false
  const wire = await new Promise<Wire>((resolve, reject) =>
    dialWire('127.0.0.1', (server.address() as AddressInfo).port, (result) => (typeof result === 'string' ? reject(new Error(result)) : resolve(result))),
  ) // prettier-ignore
  wire.open({
    onBytes(_buf, size) {
      parts.push({ size, round })
      if ((isPausing = !isPausing)) {
        wire.pause()
        if (parts.length % 4 === 1) wire.resume()
        else setTimeout(() => wire.resume(), 1)
      }
    },
    onDrain() {},
    onEnd: () => (hasEnded = true),
    onClose() {},
    onWriteError() {},
  })
  await until(() => hasEnded)
  isOver = true
  wire.destroy()
  server.close()
  expect(parts.reduce((sum, { size }) => sum + size, 0)).toBe(4 * MiB)
  const full = parts.filter(({ size }) => size === 64 * 1024)
  expect(full.length).toBeGreaterThan(1)
  expect(new Set(full.map((part) => part.round)).size).toBe(full.length)
})

it('reads a few large answers in each round of the loop, however many there are', async () => {
  const WIRES = 64
  const sent: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {}).end(Buffer.alloc(MiB, 'x'))
    sent.push(socket)
  }).listen(0, '127.0.0.1')
  await until(() => server.listening)
  const { port } = server.address() as AddressInfo
  let round = 0
  const reads = new Map<number, number>()
  let ended = 0
  const tick = () => ended === WIRES || ((round += 1), setImmediate(tick))
  tick()
  const wires: Wire[] = []
  const open = (wire: Wire) => {
    wires.push(wire)
    let size = 0
    wire.open({
      onBytes(_buf, end) {
        // The first read of each comes when it comes.
        if (size > 0 && end === 64 * 1024) reads.set(round, (reads.get(round) ?? 0) + 1)
        size += end
      },
      onDrain() {},
      onEnd() {
        expect(size).toBe(MiB)
        ended += 1
        wire.destroy()
      },
      onClose() {},
      onWriteError() {},
    })
    wire.pause()
  }
  for (let i = 0; i < WIRES; i += 1) dialWire('127.0.0.1', port, (result) => typeof result === 'string' || open(result))
  await until(() => wires.length === WIRES && sent.length === WIRES)
  // All of them have much that waits when they begin.
  for (const wire of wires) wire.resume()
  await until(() => ended === WIRES)
  server.close()
  expect(reads.size).toBeGreaterThan(0)
  expect(Math.max(...reads.values())).toBeLessThanOrEqual(WIRES / 2)
})
