// A reporter of vitest's that appends each ended test to DOZEN_FAULTS_REPORT at once, so that a run that is cut has not been for nothing.
import { appendFileSync } from 'node:fs'

export default class Reporter {
  onTestCaseResult(test) {
    const titles = [test.name]
    for (let suite = test.parent; suite?.type === 'suite'; suite = suite.parent) titles.unshift(suite.name)
    const { state, errors, note } = test.result()
    if (note === 'the operation has ended before') return
    const ms = Math.round(test.diagnostic()?.duration ?? 0)
    const why =
      state === 'failed' ? errors?.map(({ message, diff }) => [message, diff].filter(Boolean).join('\n')).join('\n') : undefined
    appendFileSync(process.env.DOZEN_FAULTS_REPORT, `${JSON.stringify({ titles, status: state, ms, why })}\n`)
    console.log(`${state} ${ms} ms: ${titles.join(' › ')}${why ? `\n${why}` : ''}`)
  }
}
