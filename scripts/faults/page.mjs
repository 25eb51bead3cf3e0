// docs/faults.md, out of the results of the tests in test/faults. Pure.

/** Which phase of FAULTS.md's matrix a step boundary lies in. */
const PHASES = {
  'receiving, building': /^(build\.|deploy\.)/,
  'writing the release': /^release\.(committing|appended)/,
  'release phase': /^phase\./,
  'starting new': /^dyno\./,
  'switching the route': /^(switch|table)\./,
  'draining, stopping old': /^retire\./,
  failing: /^release\.fail/,
  'scale, restart, run, destroy': /^(scale|restart|run|destroy)\./,
  'certificate order': /^acme\./,
}

/** A test's title with those of its suites, outermost first; what names a seed is left out. */
export const titleOf = (titles) => titles.join(' › ').replace(/ \(DOZEN_FAULTS_SEED=\d+\)/, '')

/** Adds what a report has: title → how it ended. Tests that were not run stay as they were; one that never was is known to be missing. */
export function keep(results, report, { commit, at }) {
  const day = at.toISOString().slice(0, 10)
  const known = report.map(({ titles, status }) => [titleOf(titles), { status, commit, day }])
  const isNews = ([title, { status }]) => status === 'passed' || status === 'failed' || !(title in results)
  return { ...results, ...Object.fromEntries(known.filter(isNews)) }
}

/** One line per test: status, commit, day, title. */
export const written = (results) =>
  Object.entries(results)
    .map(([title, { status, commit, day }]) => `${[status, commit, day, title].join('\t')}\n`)
    .join('')

export function read(text) {
  const lines = text.split('\n').filter(Boolean).map((line) => line.split('\t')) // prettier-ignore
  return Object.fromEntries(lines.map(([status, commit, day, title]) => [title, { status, commit, day }]))
}

/** With what its title says of it. */
const described = ([title, result]) => {
  const [group, ...path] = title.includes(' › ') ? title.split(' › ') : ['', title]
  return { ...result, group, path }
}

/** The whole page. */
export function page(results) {
  const all = Object.entries(results).map(described)
  const failed = all.filter(({ status }) => status === 'failed')
  return `${HEAD}${summary(all, failed)}
## Killed at step boundaries

A cell is passed / run. Rows are who was killed during what; columns are where in it.

${kills(all.filter(isKill))}
## An engine that fails

The answer to the n-th call of an operation, n = 1, 2, 3 … until it ends without the fault, is an error, or none.

${engine(all.filter(({ path }) => /the answer to call \d+ is/.test(path.at(-1))))}
## One by one

${rest(all)}`
}

const HEAD = `# Faults

This page is made from the output of \`npm run faults\`; do not edit it. Each test puts the app under load, lets an operation run into the fault, and then waits until every
invariant holds: exactly one complete release runs (old or new), nothing is pending, no container, network, folder or quarantine is left over, release rows are unchanged, the
router leads to the running processes only, what was said to be done is done; and where the router lived, no request failed. \`npm test\` runs a sample
(\`DOZEN_FAULTS_SEED\` chooses it).

`

function summary(all, failed) {
  const ran = all.filter(isRun)
  const missing = all.length - ran.length
  const commits = [...new Set(ran.map(({ commit }) => commit))].join(', ')
  const days = [...new Set(ran.map(({ day }) => day))].join(', ')
  const names = failed.map(({ path }) => `- failed: ${path.join(' › ')}\n`).join('')
  const rest = missing > 0 ? `, ${missing} not run yet` : ''
  return `${ran.length - failed.length} passed, ${failed.length} failed${rest}; run on ${days} at ${commits}.\n\n${names}`
}

const isRun = ({ status }) => status === 'passed' || status === 'failed'

function cell(tests) {
  if (tests.length === 0) return ''
  const ran = tests.filter(isRun)
  const missing = tests.length - ran.length
  return `${ran.filter(({ status }) => status === 'passed').length} / ${ran.length}${missing > 0 ? ` (${missing} not run)` : ''}`
}
const table = (head, rows) =>
  rows.length === 0
    ? 'Not run yet.\n'
    : `| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|\n${rows.map((row) => `| ${row.join(' | ')} |\n`).join('')}`

const isKill = ({ path }) => path.length === 2 && Object.values(PHASES).some((phase) => phase.test(path[1]))
const victimOf = ({ group, path }) => (group === 'killed anywhere' ? path[0] : `${path[0]} (${group})`)

function kills(tests) {
  const rows = [...new Set(tests.map(victimOf))].map((victim) => {
    const mine = tests.filter((test) => victimOf(test) === victim)
    return [victim, ...Object.values(PHASES).map((phase) => cell(mine.filter(({ path }) => phase.test(path[1]))))]
  })
  return table(['', ...Object.keys(PHASES)], rows)
}

function engine(tests) {
  const parsed = tests.map((test) => ({ ...test, ...(/^'?(?<name>.+?)'?: the answer to call \d+ is '?(?<what>\w+)/.exec(test.path.at(-1))?.groups ?? {}) })) // prettier-ignore
  const [names, kinds] = ['name', 'what'].map((key) => [...new Set(parsed.map((test) => test[key]))])
  const rows = names.map((name) => [
    name,
    ...kinds.map((what) => cell(parsed.filter((test) => test.name === name && test.what === what))),
  ])
  return table(['', ...kinds], rows)
}

function rest(all) {
  const isCell = (test) => isKill(test) || /the answer to call \d+ is/.test(test.path.at(-1))
  const rows = all.filter((test) => !isCell(test) && !test.group.startsWith('a sample'))
  return table(['', '', 'result'], rows.map((test) => [test.group, test.path.join(': ').replaceAll('|', '\\|'), isRun(test) ? test.status : 'not run'])) // prettier-ignore
}
