import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, watch, writeFileSync } from 'node:fs' // prettier-ignore
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { LogStream } from './stream.ts'

const CHUNK_BYTES = 256 * 1024
const POLL_MS = 1_000
const READER = 'router'

/** `generation` tells numbers that begin again, because somebody emptied the folder, from those before. */
type Position = { generation: number; file: number; offset: number }

type Deps = {
  folder: string
  positionFile: string
  stream: Pick<LogStream, 'publish' | 'flush' | 'cursor'>
  clock: Clock
  isKnown: (appId: string) => boolean
}

/**
 * Brings the router's spooled request lines into the stream, in order, and removes what was read. Each stored line carries its place
 * in the spool, so a kill between storing lines and saving the position doubles none: the app's own cursor passes over them.
 */
export function routerSpool({ folder, positionFile, stream, clock, isKnown }: Deps) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let at = readPosition(positionFile)
  if (!at) save((at = { generation: clock.now().getTime(), file: 0, offset: 0 }))

  function save(position: Position) {
    at = position
    writeFileSync(`${positionFile}.tmp`, JSON.stringify(position), { mode: 0o600 })
    renameSync(`${positionFile}.tmp`, positionFile)
  }

  function take(record: string, place: Position) {
    const [appId, micros, ...rest] = record.split(' ')
    const text = rest.join(' ')
    if (!appId || !micros || !text || !isKnown(appId)) return
    const seen = stream.cursor(appId, READER)
    if (seen && !isAfter(place, seen)) return
    const dropped = /^!dropped (\d+)$/.exec(text)?.[1]
    const line = dropped ? `Error L12 (Local buffer overflow) -> ${dropped} messages of the router were dropped.` : text
    const millis = Math.floor(Number(micros) / 1000)
    const origin = `${READER} ${place.generation} ${place.file} ${place.offset}`
    stream.publish({ appId, source: 'dozen', dyno: 'router', text: line, at: new Date(millis), micros: Number(micros) % 1000, origin }) // prettier-ignore
  }

  /** Reads one file on from where it was left; true when there may be more. */
  function readOn(file: number): boolean {
    const start = file === at!.file ? at!.offset : 0
    const fd = openSync(join(folder, `${file}.log`), 'r')
    try {
      const buffer = Buffer.alloc(Math.max(0, Math.min(CHUNK_BYTES, fstatSync(fd).size - start)))
      const got = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, start))
      const end = got.lastIndexOf(0x0a) + 1
      if (end === 0) return false
      let offset = start
      for (const record of got.toString('utf8', 0, end - 1).split('\n')) {
        offset += Buffer.byteLength(record) + 1
        take(record, { ...at!, file, offset })
      }
      stream.flush()
      save({ ...at!, file, offset: start + end })
      return true
    } finally {
      closeSync(fd)
    }
  }

  async function pump() {
    const files = numbers(folder)
    const last = files.at(-1)
    if (last === undefined) return
    const isFewer = last === at!.file && statSync(join(folder, `${last}.log`)).size < at!.offset
    if (last < at!.file || isFewer) save({ generation: Math.max(at!.generation + 1, clock.now().getTime()), file: 0, offset: 0 })
    for (const file of files) {
      while (file >= at!.file && readOn(file)) await new Promise((resolve) => setImmediate(resolve))
      if (file !== last) rmSync(join(folder, `${file}.log`), { force: true })
    }
  }

  return {
    pump,
    /** Until `signal` aborts: reads as soon as the router writes. */
    async run(signal: AbortSignal) {
      let wake = () => {}
      let isNew = true
      const watcher = watch(folder, () => {
        isNew = true
        wake()
      }).on('error', () => {}) // the poll goes on
      while (!signal.aborted) {
        isNew = false
        await pump().catch(() => {}) // a full disk, a folder that went: tried again
        const woken = new AbortController()
        wake = () => woken.abort()
        if (!isNew) await clock.sleep(POLL_MS, AbortSignal.any([signal, woken.signal])).catch(() => {})
      }
      watcher.close()
    },
  }
}

const numbers = (folder: string) =>
  readdirSync(folder)
    .flatMap((name) => (/^\d+\.log$/.test(name) ? [parseInt(name, 10)] : []))
    .sort((a, b) => a - b)

function isAfter({ generation, file, offset }: Position, cursor: string): boolean {
  const [seenGeneration, seenFile = 0, seenOffset = 0] = cursor.split(' ').map(Number)
  return generation !== seenGeneration || file > seenFile || (file === seenFile && offset > seenOffset)
}

function readPosition(file: string): Position | undefined {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Position
    return typeof found.generation === 'number' ? found : undefined
  } catch {
    return undefined // absent, or torn by a power cut: what an app has is in its own lines
  }
}
