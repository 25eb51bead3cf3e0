import { readFileSync } from 'node:fs'
import { beforeEach } from 'vitest'
import { titleOf } from '../../scripts/faults/page.mjs'

/** `npm run faults --minutes 10`: what has passed before is not run again, and nothing begins once the time is up. scripts/faults.mjs sets both. */
const { DOZEN_FAULTS_PASSED: file, DOZEN_FAULTS_UNTIL: until = Infinity } = process.env
const passed = new Set(file ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [])

beforeEach(({ task, skip }) => {
  const titles: string[] = []
  for (let suite = task.suite; suite; suite = suite.suite) titles.unshift(suite.name)
  if (passed.has(titleOf([...titles, task.name]))) skip('passed before')
  if (Date.now() > Number(until)) skip('no time is left')
})
