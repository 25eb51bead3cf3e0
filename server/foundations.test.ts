import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseConfig } from './config.ts'
import { foundations } from './foundations.ts'
import { home } from './home.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-home-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const start = () => {
  const found = foundations({ config: parseConfig({ DOZEN_HOME: folder }), home: home(folder), publicPorts: () => [], path: '', onError: () => {} }) // prettier-ignore
  found.stream.close()
  found.db.close()
}

it.each([
  ['gone', (database: string) => rmSync(database)],
  ['empty', (database: string) => writeFileSync(database, '')],
])('a dozen whose database is %s does not start from nothing beside its running apps (ABUSE 91)', (_, harm) => {
  const database = join(folder, 'dozen.db')
  start()
  start()
  const key = readFileSync(join(folder, 'secret.key'), 'utf8')
  for (const name of ['-wal', '-shm']) rmSync(database + name, { force: true })
  harm(database)
  const before = existsSync(database)
  expect(start).toThrow(/dozen\.db is gone, but its key is still there\. Restore it from a backup, or start with an empty/)
  expect([existsSync(database), readFileSync(join(folder, 'secret.key'), 'utf8')]).toEqual([before, key])
})
