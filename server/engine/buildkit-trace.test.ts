import { expect, it } from 'vitest'
import { decodeTrace, traceText, type Step } from './buildkit-trace.ts'

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))])
const field = (number: number, value: Buffer | string | number) => {
  if (typeof value === 'number') return Buffer.from([...varint(number * 8), ...varint(value)])
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes])
}
const instant = (seconds: number, nanos: number) => Buffer.concat([field(1, seconds), field(2, nanos)])

it("reads steps, what they print and warnings out of the engine's messages, and passes over what it does not know", () => {
  const step = Buffer.concat([
    field(1, 'sha256:a'),
    field(3, '[1/2] RUN ü'),
    field(4, 1),
    field(5, instant(1_700_000_000, 5e8)),
    field(6, instant(1_700_000_002, 0)),
    field(99, 'new'),
  ])
  const log = Buffer.concat([field(1, 'sha256:a'), field(3, 2), field(4, Buffer.from([0xc3, 0xbc, 0x0a]))])
  const message = Buffer.concat([field(1, step), field(3, log), field(4, field(3, 'old syntax'))]).toString('base64')
  expect(decodeTrace(message)).toEqual({
    steps: [{ digest: 'sha256:a', name: '[1/2] RUN ü', isCached: true, startedMs: 1_700_000_000_500, completedMs: 1_700_000_002_000, error: '' }],
    logs: [{ step: 'sha256:a', text: Buffer.from('ü\n') }],
    warnings: ['old syntax'],
  }) // prettier-ignore
  expect(decodeTrace('')).toEqual({ steps: [], logs: [], warnings: [] })
})

it('tells each step once, with whole lines of what it printed, and how it ended', () => {
  const output: string[] = []
  const tell = traceText((text) => output.push(text))
  const step = (more: Partial<Step>): Step => ({
    digest: 'a',
    name: '[1/2] RUN x',
    isCached: false,
    startedMs: 1000,
    error: '',
    ...more,
  })
  const own = step({ digest: 'b', name: '[internal] load metadata' })
  tell({ steps: [own, step({})], logs: [{ step: 'a', text: Buffer.from('one\ntw') }], warnings: [] })
  tell({ steps: [], logs: [{ step: 'a', text: Buffer.from('o ').subarray(0, 1) }, { step: 'a', text: Buffer.from('\nend') }], warnings: ['w'] }) // prettier-ignore
  tell({ steps: [step({ completedMs: 2500 }), step({ completedMs: 2500 })], logs: [], warnings: [] })
  tell({ steps: [step({ digest: 'c', name: '[2/2] COPY', isCached: true, completedMs: 1000 })], logs: [], warnings: [] })
  tell({ steps: [step({ digest: 'd', name: '[3/3] RUN', completedMs: 1000, error: 'exit code: 3' })], logs: [], warnings: [] })
  expect(output.join('')).toBe(
    '#1 [1/2] RUN x\n#1 one\n#1 two\nWARNING: w\n#1 end\n#1 DONE 1.5s\n#2 [2/2] COPY\n#2 CACHED\n#3 [3/3] RUN\n#3 ERROR: exit code: 3\n',
  ) // prettier-ignore
})
