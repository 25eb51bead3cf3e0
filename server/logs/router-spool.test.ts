import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { routerSpool } from './router-spool.ts'

let folder: string
let got: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-spool-'))
  mkdirSync(join(folder, 'requests'))
  got = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const write = (file: number, text: string) => appendFileSync(join(folder, 'requests', `${file}.log`), text)
const spool = () =>
  routerSpool({
    folder: join(folder, 'requests'),
    positionFile: join(folder, 'position.json'),
    stream: { publish: ({ text }) => got.push(text), flush: () => {} },
    clock: systemClock,
    isKnown: (appId) => appId === 'a1',
  })

it('brings each line once, over restarts, and waits for the end of a torn one', () => {
  write(1, 'a1 1767225600000123 at=info one\na1 1767225600000124 at=in')
  spool().pump()
  write(1, 'fo two\n')
  spool().pump()
  spool().pump()
  expect(got).toEqual(['at=info one', 'at=info two'])
})
it('goes on with the next file, removes what was read, and keeps the one being written', () => {
  write(9, 'a1 1 nine\n')
  write(10, 'a1 1 ten\n')
  spool().pump()
  expect(got).toEqual(['nine', 'ten'])
  expect([9, 10].map((file) => existsSync(join(folder, 'requests', `${file}.log`)))).toEqual([false, true])
})
it('says how many lines were dropped', () => {
  write(1, 'a1 1 !dropped 17\n')
  spool().pump()
  expect(got).toEqual(['Error L12 (Local buffer overflow) -> 17 messages of the router were dropped.'])
})
it('passes over apps that are gone', () => {
  write(1, 'gone 1 x\na1 1 y\n')
  spool().pump()
  expect(got).toEqual(['y'])
})
