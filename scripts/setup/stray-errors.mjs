// A reporter of vitest's: what was thrown outside of any test, and while which file ran, as JSON in the file DOZEN_STRAY_ERRORS.
import { writeFileSync } from 'node:fs'

export default class Reporter {
  onTestRunEnd(_modules, errors) {
    const all = errors.map(({ VITEST_TEST_PATH: file, message }) => ({ file, message }))
    writeFileSync(process.env.DOZEN_STRAY_ERRORS, JSON.stringify(all))
  }
}
