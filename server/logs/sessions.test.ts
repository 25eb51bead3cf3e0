import { expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { systemIds as ids } from '../ids.ts'
import { vault } from '../secrets/vault.ts'
import { logSessions } from './sessions.ts'
import type { LogStream } from './stream.ts'

it('lets no more than so many read an app at a time, and names the setting; others are not affected', async () => {
  const stream = { head: () => 0, read: async () => [], batches: async function* () { await new Promise(() => {}) } } as unknown as LogStream // prettier-ignore
  const sessions = logSessions({
    stream,
    clock: fakeClock(),
    ids,
    vault: vault(Buffer.alloc(32)),
    isKnown: () => true,
    maxPerApp: 2,
  })
  const leave = new AbortController()
  const read = (app: string, signal: AbortSignal) => sessions.serve(sessions.create(app, { tail: false }).secret, { form: 'text', signal, write: () => new Promise((go) => signal.addEventListener('abort', () => go(), { once: true })) }) // prettier-ignore
  const both = [read('a', leave.signal), read('a', leave.signal)]
  await expect(read('a', leave.signal)).rejects.toThrow(/2 log streams of this app .*\(DOZEN_MAX_LOG_SESSIONS\)/)
  const other = read('b', leave.signal)
  leave.abort()
  await Promise.all([...both, other])
})
