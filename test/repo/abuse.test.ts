import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from '../support/programs.ts'

const rows = [...readFileSync(join(ROOT, 'docs/security.md'), 'utf8').matchAll(/^\| (\d+) \| ([^|]+) \| ([^|]+) \|$/gm)]

/** Whether a file has a test that names the number: "(ABUSE 41, 42, 78)". */
function carries(file: string, number: number): boolean {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/ABUSE ((?:\d+(?:, )?)+)/g)].some(([, list]) => list!.split(', ').map(Number).includes(number))
}

it('docs/security.md has each number of the abuse list once, with the test that carries it or the reason why none does', () => {
  expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 95 }, (_, n) => n + 1))
  for (const [, number, , where = ''] of rows) {
    const [, file] = /^`(.+)`$/.exec(where.trim()) ?? []
    if (file === undefined) expect(where.length, `the reason of ${number}`).toBeGreaterThan(20)
    else expect([file, existsSync(join(ROOT, file)) && carries(file, Number(number))]).toEqual([file, true])
  }
})
