import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
  fstatSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import type { LogSink } from './line.ts'

const CHUNK_BYTES = 256 * 1024
const POLL_MS = 1_000

type Deps = {
  folder: string
  positionFile: string
  stream: LogSink & { flush(): void }
  clock: Clock
  isKnown: (appId: string) => boolean
}

/** Brings the router's spooled request lines into the stream, in order, and removes what was read. */
export function routerSpool({ folder, positionFile, stream, clock, isKnown }: Deps) {
  let at = existsSync(positionFile)
    ? (JSON.parse(readFileSync(positionFile, 'utf8')) as { file: string; offset: number })
    : { file: '', offset: 0 }

  function save(position: typeof at) {
    at = position
    writeFileSync(`${positionFile}.tmp`, JSON.stringify(at))
    renameSync(`${positionFile}.tmp`, positionFile)
  }

  function take(record: string) {
    const [appId, micros, ...rest] = record.split(' ')
    const text = rest.join(' ')
    if (!appId || !micros || !text || !isKnown(appId)) return
    const dropped = /^!dropped (\d+)$/.exec(text)?.[1]
    const line = dropped ? `Error L12 (Local buffer overflow) -> ${dropped} messages of the router were dropped.` : text
    const millis = Math.floor(Number(micros) / 1000)
    stream.publish({ appId, source: 'dozen', dyno: 'router', text: line, at: new Date(millis), micros: Number(micros) % 1000 })
  }

  /** Reads one file on from where it was left; true when there may be more. */
  function readOn(file: string): boolean {
    const start = file === at.file ? at.offset : 0
    const fd = openSync(join(folder, file), 'r')
    try {
      const buffer = Buffer.alloc(Math.max(0, Math.min(CHUNK_BYTES, fstatSync(fd).size - start)))
      const got = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, start))
      const end = got.lastIndexOf(0x0a) + 1
      if (end === 0) return false
      for (const record of got.toString('utf8', 0, end - 1).split('\n')) take(record)
      stream.flush()
      save({ file, offset: start + end })
      return true
    } finally {
      closeSync(fd)
    }
  }

  function pump() {
    const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.log')).sort((a, b) => parseInt(a) - parseInt(b)) : [] // prettier-ignore
    for (const [index, file] of files.entries()) {
      if (parseInt(file) < parseInt(at.file || '0')) rmSync(join(folder, file), { force: true })
      else while (readOn(file));
      if (index < files.length - 1) rmSync(join(folder, file), { force: true })
    }
  }

  return {
    pump,
    /** Until `signal` aborts: reads as soon as the router writes. */
    async run(signal: AbortSignal) {
      let wake = () => {}
      const watcher = existsSync(folder) ? watch(folder, () => wake()) : undefined
      while (!signal.aborted) {
        pump()
        const woken = new AbortController()
        wake = () => woken.abort()
        await clock.sleep(POLL_MS, AbortSignal.any([signal, woken.signal])).catch(() => {})
      }
      watcher?.close()
    },
  }
}
