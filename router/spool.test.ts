import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Spool } from './spool.ts'
import { until } from './testing.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-spool-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const read = (name: string) => readFileSync(join(folder, name), 'utf8')

it('writes records in order, each with a later time than the one before', async () => {
  const spool = new Spool({ folder })
  for (let i = 0; i < 100; i += 1) spool.append('a1', `at=info n=${i}`)
  await spool.close()
  const records = read('1.log').trimEnd().split('\n')
  expect(records).toHaveLength(100)
  const times = records.map((record) => Number(/^a1 (\d{16}) at=info n=\d+$/.exec(record)![1]))
  expect([...new Set(times)].sort()).toEqual(times)
})

it('begins a new file after one that a kill has torn', async () => {
  writeFileSync(join(folder, '7.log'), 'a1 1700000000000000 torn')
  const spool = new Spool({ folder })
  spool.append('a1', 'whole')
  await spool.close()
  expect(read('7.log')).toMatch(/torn$/)
  expect(read('8.log')).toMatch(/^a1 \d{16} whole\n$/)
})

it('begins a new file when one is full', async () => {
  const spool = new Spool({ folder, fileBytes: 50 })
  for (const text of ['one', 'two', 'three']) {
    spool.append('a1', text.padEnd(40, '.'))
    await spool.flush()
  }
  await spool.close()
  expect(readdirSync(folder).sort()).toEqual(['1.log', '2.log', '3.log'])
})

it('drops the newest lines when the folder is full, and tells how many once there is room', async () => {
  const spool = new Spool({ folder, fileBytes: 50, folderBytes: 190 })
  for (let i = 0; i < 5; i += 1) {
    spool.append('a1', `${i}`.padEnd(40, '.'))
    await spool.flush()
  }
  spool.append('b2', 'x'.repeat(60))
  await spool.flush()
  unlinkSync(join(folder, '1.log'))
  unlinkSync(join(folder, '2.log'))
  const records = await until(() => {
    const all = readdirSync(folder).map(read).join('')
    return all.includes('!dropped') && all
  })
  expect(records).toMatch(/^a1 \d+ 2\.+\n(a1 \d+ !dropped 2\n)b2 \d+ !dropped 1\n$/)
  await spool.close()
})
