import { expect, it } from 'vitest'
import { random } from './fuzz.ts'
import { answerer, differInAnswer, generateResponse, nodeAnswer } from './response-fuzz.ts'

it('10,000 answers with anything where they are framed reach the client as one valid answer, the one that Node reads too (seed 1)', () => {
  const [next, answer, read] = [random(1), answerer(), nodeAnswer()]
  const differences: string[] = []
  let passed = 0
  for (let i = 0; i < 10_000; i += 1) {
    const bytes = Buffer.from(generateResponse(next), 'latin1')
    const got = answer(bytes, next)
    const why = differInAnswer(bytes, got, read)
    if (why) differences.push(`${why}: ${JSON.stringify(bytes.toString('latin1'))} → ${JSON.stringify(got)}`)
    else if (!got.startsWith('HTTP/1.1 503')) passed += 1
  }
  expect(differences.slice(0, 5)).toEqual([])
  expect(passed).toBeGreaterThan(1_000)
})
