// Named steps with progress and time. On a terminal one status line shows what runs; elsewhere a line now and then does.

/** A step that cannot go on. The message is one sentence that says what to do; `lines` are the last words of what failed. */
export class StepFailed extends Error {
  constructor(message, lines = []) {
    super(message)
    this.lines = lines
  }
}

const isTerminal = process.stderr.isTTY === true
const running = new Map()
let ticker

/** Milliseconds below a second, else seconds with one decimal: "12 ms", "3.4 s", "2 min 5 s". */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/**
 * Runs `work(progress)` under a name. `progress(text)` says what is being done now. What `work` returns is the remark behind the
 * name, e.g. "already there". Rejects with what `work` rejects with.
 */
export async function step(name, work) {
  const state = { startedAt: performance.now(), doing: '', saidAt: performance.now() }
  running.set(name, state)
  ticker ??= setInterval(tick, isTerminal ? 100 : 1000)
  try {
    const remark = await work(
      (text) => (state.doing = /^npm (warn|notice)/i.test(text) ? state.doing : text.trim() || state.doing),
    )
    finish(name, '✓', remark)
  } catch (error) {
    finish(name, '✗', error instanceof StepFailed ? '' : String(error))
    throw error
  }
}

/** Prints one line above whatever is in progress. */
export function say(text) {
  process.stderr.write(`${isTerminal && running.size > 0 ? '\r\x1b[K' : ''}${text}\n`)
}

function finish(name, mark, remark) {
  const { startedAt } = running.get(name)
  say(`${mark} ${name}${remark ? `: ${remark}` : ''} (${duration(performance.now() - startedAt)})`)
  running.delete(name)
  if (running.size > 0) return
  clearInterval(ticker)
  ticker = undefined
}

function tick() {
  const now = performance.now()
  if (isTerminal) {
    const parts = [...running].map(([name, { startedAt, doing }]) => `${name} ${duration(now - startedAt)} ${doing}`)
    process.stderr.write(`\r\x1b[K${parts.join(' · ').slice(0, (process.stderr.columns ?? 80) - 1)}`)
    return
  }
  for (const [name, state] of running) {
    if (now - state.saidAt < 10_000) continue
    state.saidAt = now
    say(`  ${name}: ${duration(now - state.startedAt)}${state.doing ? `, ${state.doing.slice(0, 120)}` : ''}`)
  }
}

/** Prints why steps failed: the last lines of what it ran, then the sentence, of each. */
export function explain(error) {
  if (error instanceof AggregateError) return error.errors.forEach((one) => explain(one))
  if (!(error instanceof StepFailed)) return say(error?.stack ?? String(error))
  for (const line of error.lines.slice(-15)) say(`    ${line}`)
  say(error.message)
}
