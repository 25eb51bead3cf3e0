import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Batch } from './batch.ts'
import { record } from './record.ts'

export type SpoolOptions = {
  folder: string
  fileBytes?: number
  folderBytes?: number
  flushMs?: number
  flushBytes?: number
}

/** How often a drop that no line follows tries to be told. */
const RETRY_MS = 1_000
/** Lines kept in memory while the disk does not take them; beyond it, the newest are dropped and counted. */
const MEMORY_BYTES = 4 * 1024 * 1024

/**
 * Request lines on their way to the controller: `<folder>/<number>.log`, each record `<appId> <microseconds> <text>\n`, whole
 * records per write. Always begins a new file, so a line torn by a kill stays the last of its file. The reader deletes files that
 * have a successor. A full folder drops the newest lines and says so with `<appId> <microseconds> !dropped <count>`.
 */
export class Spool {
  readonly #options: Required<SpoolOptions>
  #number: number
  #file: FileHandle | undefined
  #fileSize = 0
  #folderSize: number
  readonly #batch = new Batch()
  #dropped = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined

  constructor(options: SpoolOptions) {
    const MiB = 1024 * 1024
    this.#options = { fileBytes: 4 * MiB, folderBytes: 64 * MiB, flushMs: 20, flushBytes: 65_536, ...options }
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    this.#number = Math.max(0, ...this.#numbers())
    this.#folderSize = this.#measure()
  }

  /** Never throws, never blocks. `text` has no line end and no control characters. */
  append(appId: string, text: string): void {
    this.add(record(appId, text))
  }

  /** Whole records, as `record` makes them. */
  add(records: string): void {
    if (this.#batch.size + records.length > MEMORY_BYTES) return this.#dropAll(records)
    this.#batch.add(records)
    if (this.#batch.size >= this.#options.flushBytes && !this.#writing) void this.flush()
    else this.#timer ??= setTimeout(() => void this.flush(), this.#options.flushMs)
  }

  /** Resolves once everything appended so far is written or counted as dropped. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#writing) await this.#writing
    if (this.#batch.size === 0 && this.#dropped.size === 0) return
    this.#writing = this.#write(this.#batch.take()).finally(() => (this.#writing = undefined))
    await this.#writing
  }

  async close(): Promise<void> {
    await this.flush()
    await this.#file?.close()
    this.#file = undefined
  }

  async #write(batch: Buffer): Promise<void> {
    const dropped = this.#dropped
    this.#dropped = new Map()
    const notes = this.#notes(dropped)
    const isWritten = await this.#tryWrite(notes === '' ? batch : Buffer.concat([Buffer.from(notes), batch]))
    if (isWritten) return
    for (const [appId, count] of dropped) this.#drop(appId, count)
    this.#dropAll(batch.toString())
  }

  /** False when the folder is full or the disk refuses; a file with a torn line is then not continued. */
  async #tryWrite(bytes: Buffer): Promise<boolean> {
    if (this.#folderSize + bytes.length > this.#options.folderBytes) this.#folderSize = this.#measure()
    if (this.#folderSize + bytes.length > this.#options.folderBytes) return false
    try {
      const file = await this.#current()
      await file.appendFile(bytes)
    } catch {
      this.#fileSize = Infinity
      return false
    }
    this.#fileSize += bytes.length
    this.#folderSize += bytes.length
    return true
  }

  async #current(): Promise<FileHandle> {
    if (this.#file && this.#fileSize < this.#options.fileBytes) return this.#file
    await this.#file?.close()
    this.#file = undefined
    this.#number += 1
    this.#file = await open(join(this.#options.folder, `${this.#number}.log`), 'ax', 0o600)
    this.#fileSize = 0
    return this.#file
  }

  #notes(dropped: ReadonlyMap<string, number>): string {
    let notes = ''
    for (const [appId, count] of dropped) notes += record(appId, `!dropped ${count}`)
    return notes
  }

  #dropAll(batch: string): void {
    for (const line of batch.split('\n')) if (line !== '') this.#drop(line.slice(0, line.indexOf(' ')), 1)
  }

  #drop(appId: string, count: number): void {
    this.#dropped.set(appId, (this.#dropped.get(appId) ?? 0) + count)
    this.#timer ??= setTimeout(() => void this.flush(), RETRY_MS)
  }

  #numbers(): number[] {
    return readdirSync(this.#options.folder).flatMap((name) => (/^\d+\.log$/.test(name) ? [parseInt(name, 10)] : []))
  }

  #measure(): number {
    let sum = 0
    for (const number of this.#numbers()) {
      sum += statSync(join(this.#options.folder, `${number}.log`), { throwIfNoEntry: false })?.size ?? 0
    }
    return sum
  }
}
