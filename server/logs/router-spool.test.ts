import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { routerSpool } from './router-spool.ts'
import { logStream } from './stream.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-spool-'))
  mkdirSync(join(folder, 'requests'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const positionFile = () => join(folder, 'position.json')
const write = (file: number, text: string) => appendFileSync(join(folder, 'requests', `${file}.log`), text)
const open = () => logStream({ folder: join(folder, 'logs'), clock: systemClock, bytesPerApp: 1 << 20 })
const pump = () =>
  routerSpool({
    folder: join(folder, 'requests'),
    positionFile: positionFile(),
    stream: open(),
    clock: systemClock,
    isKnown: (appId) => appId === 'a1' || appId === 'a2',
  }).pump()
const got = async (appId = 'a1') => (await open().read(appId, {})).map((line) => line.text)

it('brings each line once, over restarts, and waits for the end of a torn one', async () => {
  write(1, 'a1 1767225600000123 at=info one\na1 1767225600000124 at=in')
  await pump()
  write(1, 'fo two\n')
  await pump()
  await pump()
  expect(await got()).toEqual(['at=info one', 'at=info two'])
})
it('doubles nothing when it was killed after storing lines and before saving how far it read', async () => {
  write(1, 'a1 1 one\na2 1 two\n')
  await pump()
  copyFileSync(positionFile(), join(folder, 'kept'))
  write(1, 'a1 1 ä three\na2 1 four\n')
  await pump()
  copyFileSync(join(folder, 'kept'), positionFile())
  write(1, 'a1 1 five\n')
  await pump()
  expect([await got('a1'), await got('a2')]).toEqual([['one', 'ä three', 'five'], ['two', 'four']]) // prettier-ignore
})
it('goes on with the next file, removes what was read, and keeps the one being written', async () => {
  write(9, 'a1 1 nine\n')
  write(10, 'a1 1 ten\n')
  await pump()
  expect(await got()).toEqual(['nine', 'ten'])
  expect([9, 10].map((file) => existsSync(join(folder, 'requests', `${file}.log`)))).toEqual([false, true])
})
it('reads on when somebody emptied the folder and the numbers begin again', async () => {
  write(9, 'a1 1 nine\n')
  await pump()
  rmSync(join(folder, 'requests', '9.log'))
  write(1, 'a1 1 one\n')
  await pump()
  expect(await got()).toEqual(['nine', 'one'])
})
it('says how many lines were dropped', async () => {
  write(1, 'a1 1 !dropped 17\n')
  await pump()
  expect(await got()).toEqual(['Error L12 (Local buffer overflow) -> 17 messages of the router were dropped.'])
})
it('passes over apps that are gone', async () => {
  write(1, 'gone 1 x\na1 1 y\n')
  await pump()
  expect(await got()).toEqual(['y'])
})
