import { StringDecoder } from 'node:string_decoder'

/** What BuildKit says of a build while it runs (moby.buildkit.v1.StatusResponse): its steps, and what they print. */
export type Trace = { steps: Step[]; logs: { step: string; text: Buffer }[]; warnings: string[] }
export type Step = { digest: string; name: string; isCached: boolean; startedMs?: number; completedMs?: number; error: string }

type Field = { number: number; value: number | Buffer }

/** Protocol buffers' wire format, the kinds that the message has: varints and length-delimited; fixed-width ones are passed over. */
function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0
  const varint = () => {
    let value = 0
    for (let factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
    }
    return value
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    if (tag % 8 === 0) yield { number, value: varint() }
    else if (tag % 8 === 2) {
      const length = varint()
      yield { number, value: bytes.subarray(at, (at += length)) }
    } else if (tag % 8 === 1) at += 8
    else if (tag % 8 === 5) at += 4
    else return
  }
}

const textOf = (fields: readonly Field[], number: number) => (fields.find((one) => one.number === number)?.value ?? '').toString()

/** google.protobuf.Timestamp. */
function instantOf(fields: readonly Field[], number: number): number | undefined {
  const found = fields.find((one) => one.number === number)?.value
  if (!(found instanceof Buffer)) return undefined
  const [seconds = 0, nanos = 0] = [1, 2].map((part) =>
    Number([...fieldsOf(found)].find((one) => one.number === part)?.value ?? 0),
  )
  return seconds * 1000 + nanos / 1e6
}

function stepOf(bytes: Buffer): Step {
  const fields = [...fieldsOf(bytes)]
  const [startedMs, completedMs] = [instantOf(fields, 5), instantOf(fields, 6)]
  return {
    digest: textOf(fields, 1),
    name: textOf(fields, 3),
    isCached: fields.some(({ number, value }) => number === 4 && value === 1),
    ...(startedMs !== undefined && { startedMs }),
    ...(completedMs !== undefined && { completedMs }),
    error: textOf(fields, 7),
  }
}

/** One message, as the engine sends it in the `aux` of an event. */
export function decodeTrace(base64: string): Trace {
  const fields = [...fieldsOf(Buffer.from(base64, 'base64'))]
  const all = (number: number) =>
    fields.flatMap((one) => (one.number === number && one.value instanceof Buffer ? [one.value] : []))
  const logs = all(3).map((bytes) => {
    const inside = [...fieldsOf(bytes)]
    const text = inside.find(({ number }) => number === 4)?.value
    return { step: textOf(inside, 1), text: text instanceof Buffer ? text : Buffer.alloc(0) }
  })
  return { steps: all(1).map(stepOf), logs, warnings: all(4).map((bytes) => textOf([...fieldsOf(bytes)], 3)) }
}

/** Steps of BuildKit's own that tell a user nothing. */
const isOwn = (name: string) => /^(\[internal\]|copy \/context|exporting |mkfile )/.test(name)

/**
 * Traces as text, in the manner of `docker build --progress=plain`: "#3 [build 2/4] RUN make", "#3 cc main.c", "#3 DONE 1.2s". What a step
 * prints carries its number, since stages run side by side.
 */
export function traceText(onOutput: (text: string) => void) {
  const steps = new Map<string, { number: number; isDone: boolean; rest: string; decoder: StringDecoder }>()
  const enter = (step: Step) => {
    const known = steps.get(step.digest)
    if (known) return known
    const entered = { number: steps.size + 1, isDone: false, rest: '', decoder: new StringDecoder() }
    steps.set(step.digest, entered)
    onOutput(`#${entered.number} ${step.name}\n`)
    return entered
  }

  function tellStep(step: Step) {
    if (step.name === '' || isOwn(step.name) || (step.startedMs === undefined && !step.isCached && !step.error)) return
    const entered = enter(step)
    if (entered.isDone || (step.completedMs === undefined && !step.error)) return
    entered.isDone = true
    if (entered.rest) onOutput(`#${entered.number} ${entered.rest}\n`)
    const seconds = (((step.completedMs ?? 0) - (step.startedMs ?? 0)) / 1000).toFixed(1)
    onOutput(`#${entered.number} ${step.error ? `ERROR: ${step.error}` : step.isCached ? 'CACHED' : `DONE ${seconds}s`}\n`)
  }

  function tellLog({ step, text }: Trace['logs'][number]) {
    const entered = steps.get(step)
    if (!entered) return
    const lines = (entered.rest + entered.decoder.write(text)).split('\n')
    entered.rest = lines.pop()!
    for (const line of lines) onOutput(`#${entered.number} ${line}\n`)
  }

  return ({ steps: told, logs, warnings }: Trace) => {
    for (const step of told) if (step.completedMs === undefined && !step.error) tellStep(step)
    for (const log of logs) tellLog(log)
    for (const step of told) tellStep(step)
    for (const warning of warnings) onOutput(`WARNING: ${warning}\n`)
  }
}
