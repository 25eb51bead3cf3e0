import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import type { Layer } from '../engine/port.ts'
import { keep } from './spool.ts'

/** A promise with its ends; its rejection is the business of who waits for it, if anybody does. */
function later<Value>() {
  let resolve!: (value: Value) => void
  let reject!: (cause: unknown) => void
  const promise = new Promise<Value>((...ends) => ([resolve, reject] = ends))
  promise.catch(() => {})
  return { promise, resolve, reject }
}

/**
 * The result of a build as a layer that the engine is told of before the tree is there: it takes it in while it comes. Nothing becomes an image
 * before `accept`. The tree is kept until `dispose`, for an engine that has to be given it in another way.
 */
export function comingLayer(createdAt: Date) {
  const keeper = keep()
  const hash = createHash('sha256')
  const [bytes, sha256] = [later<number>(), later<string>()]
  const coming = new PassThrough()
  coming.on('error', () => {})
  let whole: (() => Readable) | undefined
  const layer: Layer = { bytes: bytes.promise, sha256: sha256.promise, coming, createdAt, open: () => whole!() }

  async function pass(chunk: Buffer) {
    if (coming.destroyed || coming.write(chunk)) return
    const over = new AbortController()
    const ends = ['drain', 'close'].map((event) => once(coming, event, { signal: over.signal }).catch(() => {}))
    await Promise.race(ends)
    over.abort()
  }

  return {
    layer,
    /** Reads the tree to its end; it was announced with `size` bytes. */
    async read(tree: Readable, size: number) {
      bytes.resolve(size)
      for await (const chunk of tree as AsyncIterable<Buffer>) {
        hash.update(chunk)
        await keeper.write(chunk)
        await pass(chunk)
      }
      whole = await keeper.end()
      coming.end()
    },
    accept: () => sha256.resolve(hash.digest('hex')),
    /** There is no image to be made; without effect after `accept`. */
    async dispose() {
      const cause = new Error('The build came to nothing.')
      bytes.reject(cause)
      sha256.reject(cause)
      coming.destroy()
      await keeper.dispose()
    },
  }
}
export type ComingLayer = ReturnType<typeof comingLayer>
