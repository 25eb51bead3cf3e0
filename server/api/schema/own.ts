import type { Definition } from './published.ts'

const text = { type: ['string'] }
const maybe = (type: string) => ({ type: [type, 'null'] })
const number = { type: ['number'] }
const flag = { type: ['boolean'] }
const date = { type: ['string'], format: 'date-time' }
const uuid = { type: ['string'], format: 'uuid' }
const nothing = { type: ['object'], additionalProperties: false }
const of = (properties: Record<string, unknown>) => ({ type: ['object'], required: Object.keys(properties), properties })
const list = (name: string) => ({ type: ['array'], items: ref(name) })
const ref = (name: string) => ({ $ref: `#/definitions/${name}` })
const link = (method: string, href: string, title: string, targetSchema: object) => ({
  method,
  href,
  title,
  rel: 'self',
  targetSchema: { ...targetSchema },
})

const APP = '/apps/{(%23%2Fdefinitions%2Fapp%2Fdefinitions%2Fidentity)}'
const DYNO = `${APP}/dynos/{(%23%2Fdefinitions%2Fdyno%2Fdefinitions%2Fidentity)}`

/** Resources that are dozen's own. */
export const OWN: Readonly<Record<string, Definition>> = {
  check: {
    title: 'dozen - Health check',
    description: 'How a process type is asked by HTTP how it is. Times are seconds.',
    ...of({ type: text, path: text, interval: number, timeout: number, failures: number }),
    links: [
      link('GET', `${APP}/checks`, 'List', list('check')),
      link('PUT', `${APP}/checks/{type}`, 'Set', ref('check')),
      link('DELETE', `${APP}/checks/{type}`, 'Unset', of({ type: text })),
    ],
  },
  'failing-certificate': {
    title: 'dozen - Failing certificate',
    description: 'A host name whose certificate cannot be had, why, and when it is tried next.',
    ...of({ app: of({ id: uuid, name: text }), hostname: text, reason: text, next_at: maybe('string') }),
    links: [link('GET', '/failing-certificates', 'List', list('failing-certificate'))],
  },
  'stack-rebuild': {
    title: 'dozen - Rebuilt stack',
    description: 'A stack made anew, with the ids of the images that apps are built in and run on.',
    ...of({ id: uuid, name: text, images: of({ build: text, run: text }) }),
    links: [link('POST', '/stacks/{(%23%2Fdefinitions%2Fstack%2Fdefinitions%2Fidentity)}/rebuild', 'Rebuild', ref('stack-rebuild'))],
  },
  job: {
    title: 'dozen - Scheduled job',
    description: 'A command that runs at fixed times.',
    ...of({ id: text, schedule: text, command: text, overlap: flag, origin: text, next_at: maybe('string'), last: { anyOf: [ref('job-run'), { type: ['null'] }] } }),
    links: [
      link('GET', `${APP}/cron`, 'List', list('job')),
      link('POST', `${APP}/cron`, 'Create', ref('job')),
      link('GET', `${APP}/cron/{job}`, 'Info', ref('job')),
      link('DELETE', `${APP}/cron/{job}`, 'Delete', ref('job')),
    ],
  },
  'job-run': {
    title: 'dozen - Run of a job',
    description: 'A one-off dyno that a job started. exit_code is null while it runs, and when nobody saw it end.',
    type: ['object'],
    required: ['dyno', 'release'],
    properties: { dyno: text, release: of({ version: number }), state: text, exit_code: maybe('number'), started_at: date, ended_at: maybe('string') },
    links: [
      link('GET', `${APP}/cron/{job}/runs`, 'List', list('job-run')),
      link('POST', `${APP}/cron/{job}/actions/run`, 'Start', of({ dyno: text, release: of({ version: number }), command: text })),
    ],
  },
  'build-cache': {
    title: 'dozen - Build cache',
    description: 'What builds of an app keep for the next one.',
    links: [link('DELETE', `${APP}/build-cache`, 'Empty', nothing)],
  },
  'drain-test': {
    title: 'dozen - Drain test',
    description: 'One line was sent to a drain, and taken after so many milliseconds.',
    ...of({ id: uuid, url: text, token: text, ms: number }),
    links: [link('POST', `${APP}/log-drains/{(%23%2Fdefinitions%2Flog-drain%2Fdefinitions%2Fidentity)}/actions/test`, 'Test', ref('drain-test'))],
  },
  limit: {
    title: 'dozen - Limit',
    description: 'What the processes of a type may use: bytes, cores (null = all) and processes (null = no own limit).',
    ...of({ type: text, memory: number, cpus: maybe('number'), pids: maybe('number'), default: flag }),
    links: [
      link('GET', `${APP}/limits`, 'List', list('limit')),
      link('PUT', `${APP}/limits/{type}`, 'Set', ref('limit')),
      link('DELETE', `${APP}/limits/{type}`, 'Unset', ref('limit')),
    ],
  },
  setting: {
    title: 'dozen - Setting',
    description: 'What an app sets for itself; values as people write them: "90s", "10m", "100/s".',
    ...of({ name: text, value: maybe('string'), default: maybe('string'), own: flag, about: text }),
    links: [link('GET', `${APP}/settings`, 'List', list('setting')), link('PATCH', `${APP}/settings`, 'Update', list('setting'))],
  },
  sleep: {
    title: 'dozen - Sleep',
    description: 'Whether web goes to zero while nobody visits, after how many seconds, and since when it sleeps.',
    ...of({ enabled: flag, after: number, asleep_since: maybe('string') }),
    links: [
      link('GET', `${APP}/sleep`, 'Info', ref('sleep')),
      link('PUT', `${APP}/sleep`, 'On', ref('sleep')),
      link('DELETE', `${APP}/sleep`, 'Off', ref('sleep')),
    ],
  },
  'release-commits': {
    title: 'dozen - Commits between two releases',
    description: 'What a release has that an earlier one had not, and the other way round; newest first, at most fifty each.',
    ...of({ added: list('release-commit'), removed: list('release-commit') }),
    links: [link('GET', `${APP}/releases/{release}/commits`, 'Info', ref('release-commits'))],
  },
  'release-commit': {
    title: 'dozen - Commit',
    description: 'A commit by its id, and the first line of its message.',
    ...of({ id: text, title: text }),
    links: [],
  },
  restart: {
    title: 'dozen - Restart',
    description: 'How a restart fares, and what it cost.',
    ...of({ number, status: text, reason: maybe('string'), switch: maybe('object'), failure: maybe('object') }),
    links: [link('GET', `${APP}/restarts/{number}`, 'Info', ref('restart'))],
  },
  finding: {
    title: 'dozen - Finding',
    description: 'What the controller finds when it looks at what it stands on, and at the apps.',
    ...of({ check: text, app: maybe('string'), ok: flag, found: text, hint: maybe('string') }),
    links: [link('GET', '/doctor', 'List', list('finding'))],
  },
  metrics: {
    title: 'dozen - Counts of an app',
    description: 'What the router counted since a time: requests by class of status, errors by code, bytes and milliseconds.',
    ...of({
      since: text,
      in_flight: number,
      requests: { type: ['object'] },
      errors: { type: ['object'] },
      bytes: of({ sent: number, received: number }),
      latency_ms: of({ mean: maybe('number'), p50: maybe('number'), p95: maybe('number'), p99: maybe('number') }),
    }),
    links: [link('GET', `${APP}/metrics`, 'Info', ref('metrics'))],
  },
  event: {
    title: 'dozen - Event',
    description: 'Who changed what.',
    ...of({ id: uuid, app: maybe('object'), resource: text, action: text, description: text, data: { type: ['object'] }, actor: of({ id: text, email: text }), created_at: date }),
    links: [
      link('GET', `${APP}/events`, 'List by app', list('event')),
      link('GET', '/events', 'List', list('event')),
    ],
  },
  disk: {
    title: 'dozen - Disk',
    description: 'Who takes how many bytes of the disk.',
    ...of({ items: { type: ['array'], items: of({ name: text, bytes: number, reclaimable_bytes: number, parts: { type: ['object'] } }) }, free_bytes: number, reserve_bytes: number }),
    links: [link('GET', '/disk', 'Info', ref('disk'))],
  },
  secret: {
    title: 'dozen - Secrets',
    description: 'What is encrypted at rest: how many values were sealed anew with another key.',
    ...of({ rotated: number }),
    links: [link('POST', '/secrets/actions/rotate', 'Rotate', ref('secret'))],
  },
  user: {
    title: 'dozen - User',
    description: 'An account as its admin sees it; its first token is in the answer that makes it, once.',
    links: [
      link('GET', '/users', 'List', list('account')),
      link('POST', '/users', 'Create', { allOf: [ref('account'), of({ access_token: of({ token: text }) })] }),
    ],
  },
  'collaborator-change': {
    title: 'dozen - Permissions',
    description: 'What a collaborator may do.',
    links: [link('PATCH', `${APP}/collaborators/{collaborator}`, 'Update', ref('collaborator'))],
  },
  'key-change': {
    title: 'dozen - SSH key',
    description: "Links of the stock client that are missing in Heroku's published schema.",
    links: [
      link('POST', '/account/keys', 'Create', ref('key')),
      link('DELETE', '/account/keys/{key}', 'Delete', ref('key')),
    ],
  },
  'oauth-session': {
    title: 'dozen - Session',
    description: 'Tokens are no sessions: there are none.',
    ...of({ id: uuid }),
    links: [link('GET', '/oauth/sessions', 'List', list('oauth-session')), link('DELETE', '/oauth/sessions/~', 'Delete', ref('oauth-session'))],
  },
  window: {
    title: 'dozen - Window of a run',
    description: 'The size of the terminal of an attached one-off dyno.',
    links: [link('PATCH', DYNO, 'Resize', nothing)],
  },
  'more-dyno-sizes': {
    title: 'dozen - Dyno sizes of a process type',
    description: 'The same as of the app.',
    links: [link('GET', `${APP}/formation/{type}/dyno-sizes`, 'List', list('dyno-size'))],
  },
} // prettier-ignore
