import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock as clock } from '../clock.ts'
import { joiner } from './joiner.ts'
import type { LogEntry } from './line.ts'
import { redaction, secretsIn } from './redaction.ts'
import { logStream } from './stream.ts'

describe('what looks secret', () => {
  it.each([
    ['STRIPE_KEY', 'sk_live_51abc', true],
    ['GITHUB_TOKEN', 'correct-horse', true],
    ['SECRET_KEY_BASE', 'not very random', true],
    ['DB_PASSWORD', 'hunter2hunter2', true],
    ['DB_PASS', 'hunter2hunter2', true],
    ['apiKey', 'abcdefgh', true],
    ['SIGNING_KEYS', 'abcdefgh', true],
    ['DATABASE_URL', 'postgres://me:pw@db/app', true],
    ['REPO', 'https://ghp_0123456789@example.com/x', true],
    ['PLAIN', '9f86d081884c7d659a2feaa0c55ad015', true],
    ['PLAIN', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', true],
    ['PLAIN', '3c9c6fda-9c1e-4a9c-9f6a-0c5d1e0a7b11', true],
    ['PIN_KEY', '1234567', false],
    ['NODE_ENV', 'production', false],
    ['KEYBOARD', 'qwertyuiop', false],
    ['MONKEY_COUNT', '1000000000', false],
    ['PAGE', 'https://shop.example.com/a/b-2026', false],
    ['BUCKET', 'mybucket2026production', false],
    ['VERSION', 'node-v20.19.43-linux-x64', false],
    ['MOTTO', 'We 1 ship 2 things 3 every 4 day 5', false],
  ])('%s=%s: %s', (name, value, isSecret) => expect(secretsIn({ [name]: value }).includes(value)).toBe(isSecret))

  it('is known as URLs and JSON spell it, line by line, and by the password alone', () => {
    const found = secretsIn({
      API_TOKEN: 'a+b/c=="quoted"',
      PRIVATE_PEM: '-----BEGIN-----\nMIIabcdef0123\nx\n',
      DATABASE_URL: 'postgres://me:p%40ss-word@db/app',
    })
    for (const text of ['a%2Bb%2Fc%3D%3D%22quoted%22', 'a+b/c==\\"quoted\\"', 'MIIabcdef0123', 'p%40ss-word', 'p@ss-word'])
      expect(found).toContain(text)
    expect(found).not.toContain('x')
    expect(found).not.toContain('me')
  })
})

describe('lines', () => {
  const OLD = { API_KEY: 'old-value-1' }
  const NEW = { API_KEY: 'new-value-2', SHORT_KEY: 'abc', LONGER_KEY: 'new-value-2-and-more' }
  let isOn = false
  let isReadable = true
  let folder: string
  let stream: ReturnType<typeof logStream>
  beforeEach(() => {
    isOn = false
    isReadable = true
    folder = mkdtempSync(join(tmpdir(), 'dozen-logs-'))
    const inUse = () => {
      if (!isReadable) throw new Error('The database connection is not open')
      return [2]
    }
    const config = (_: string, version: number) => {
      if (version > 2) throw new Error('The database connection is not open')
      return version === 1 ? OLD : NEW
    }
    const redactor = redaction({ inUse, config, isOn: () => isOn })
    stream = logStream({ folder, clock, bytesPerApp: 1 << 20, redactor })
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const seen = async (entry: Partial<LogEntry>) => {
    stream.publish({ appId: 'a1', source: 'app', dyno: 'web.1', text: 'says new-value-2, abc and old-value-1', ...entry })
    return (await stream.read('a1', { lines: 1 }))[0]!.text
  }

  it.each([
    { source: 'dozen', dyno: 'router' },
    { source: 'dozen', dyno: 'web.1', release: 2 },
    { source: 'app', dyno: 'api' },
    { source: 'app', dyno: 'build' },
    { source: 'app', dyno: 'release.2', release: 2 },
  ] as const)('of the platform never show a secret: $source[$dyno]', async (entry) => {
    expect(await seen(entry)).toBe('says [redacted], abc and old-value-1')
  })
  it('of a process of an older release show none of that one’s either', async () => {
    expect(await seen({ source: 'dozen', dyno: 'web.1', release: 1 })).toBe('says [redacted], abc and [redacted]')
  })
  it('of the app are left alone until it asks for it, and again when it does not', async () => {
    expect(await seen({ release: 2 })).toContain('new-value-2')
    isOn = true
    expect(await seen({ release: 2, dyno: 'run.7' })).toBe('says [redacted], abc and old-value-1')
    isOn = false
    expect(await seen({ release: 2 })).toContain('new-value-2')
  })
  it('show nothing of a longer secret that begins as a shorter one', async () => {
    expect(await seen({ source: 'dozen', text: 'new-value-2-and-more' })).toBe('[redacted]')
  })
  it('come though the database cannot be read, without what was known before', async () => {
    await seen({ source: 'dozen' })
    expect(await seen({ source: 'dozen', release: 3 })).toBe('says [redacted], abc and old-value-1')
    isReadable = false
    expect(await seen({ source: 'dozen' })).toBe('says [redacted], abc and old-value-1')
  })
  it('are joined and not yet split when they are looked at, and nothing else is stored', async () => {
    isOn = true
    const at = (nano: number) => `2026-01-01T00:00:00.00000000${nano}Z`
    const emit = ({ text }: { text: string }) => stream.publish({ appId: 'a1', source: 'app', dyno: 'web.1', release: 2, text })
    const lines = joiner({ done: {}, since: undefined, now: clock.now, emit, onGap: () => {} })
    const piece = (text: string, n: number) => ({
      stream: 'stdout' as const,
      bytes: Buffer.from(text),
      line: undefined,
      position: at(n),
    })
    lines.add([piece('one new-va', 1), piece('lue-2 end\n', 2), piece(`${'x'.repeat(9_995)}new-value-2\n`, 3)])
    expect((await stream.read('a1', {})).map(({ text }) => text)).toEqual([
      'one [redacted] end',
      `${'x'.repeat(9_995)}[reda`,
      'cted]',
    ])
    const stored = readdirSync(join(folder, 'a1')).map((name) => readFileSync(join(folder, 'a1', name), 'utf8'))
    expect(stored.join()).not.toContain('new-value-2')
  })
})
