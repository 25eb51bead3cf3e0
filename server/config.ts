import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Everything the outside may set, parsed once. Ports may be 0: the engine of the OS picks one. */
export type Config = Readonly<{
  /** State folder, mode 0700. */
  home: string
  apiHost: string
  apiPort: number
  /** Serve the API without TLS to other machines too. */
  isApiPlain: boolean
  httpHost: string
  httpPort: number
  httpsPort: number
  /** Apps answer at `<app>.<domain>`. */
  domain: string
  /** Overrides the instance label kept in dozen.db. */
  instance: string | undefined
  /** The engine's unix socket. */
  dockerSocket: string
  bootTimeoutMs: number
  stopTimeoutMs: number
  proofMs: number
  buildTimeoutMs: number
  sourceBytes: number
  /** Whether apps may be built by a Dockerfile. */
  areDockerfilesBuilt: boolean
  /** Stacks of somebody else's images, beside dozen's own. */
  stacks: readonly { name: string; build: string; run: string }[]
  /** Builds that run side by side, over all apps. */
  buildsAtOnce: number
  /** Memory of one build by buildpacks. */
  buildMemoryBytes: number
  /** Bytes that stay free on the engine's disk: no build begins or goes on with less. */
  diskReserveBytes: number
  releasePhaseTimeoutMs: number
  runTimeoutMs: number
  drainTimeoutMs: number
  watchWindowMs: number
  /** So many processes more than its formation may an app run during a switch; 0 = twice as many. */
  switchBatch: number
  /** Bytes of log kept per app. */
  logBytes: number
  /** Of all apps together. */
  logTotalBytes: number
  logAgeMs: number
  /** Log drains may lead to addresses inside the machine and its network. */
  isInsideAllowed: boolean
  /** Memory of each process of an app. */
  memoryBytes: number
  /** Cores of each process of an app; undefined = as many as there are. */
  cpus: number | undefined
  /** Files that one process may have open, in any container. */
  openFiles: number
  /** Wrong tokens of one address. */
  loginsPerMinute: number
  /** Requests of one account. */
  requestsPerMinute: number
  /** Of a request to the API. */
  bodyBytes: number
  appsPerUser: number
  /** Uploads of an account that wait to be built. */
  sourcesPerUser: number
  /** Builds of one app that wait or are under way. */
  buildsPerApp: number
  /** git's pushes and fetches under way, of all apps. */
  transfersAtOnce: number
  /** Of a buildpack that is fetched by git. */
  buildpackBytes: number
  /** One-off dynos of an app at a time. */
  runsPerApp: number
  /** Log streams of an app that are read at a time. */
  logSessionsPerApp: number
  /** Of an app's build cache; above it is emptied. */
  cacheBytes: number
  /** Of BuildKit's cache, everybody's on the engine; undefined = it is left alone. */
  buildKitBytes: number | undefined
  /** Of an app's git repository; above it pushes are refused. */
  repoBytes: number
  /** Ports of this machine that apps may reach besides the router's. */
  hostPorts: readonly number[]
  /** Where certificates are ordered (RFC 8555); undefined = nowhere. */
  acmeDirectory: string | undefined
  acmeEmail: string | undefined
  /** External account binding (RFC 8555 section 7.3.4), for authorities that know their customers; the HMAC key is base64url. */
  acmeBinding: { kid: string; hmacKey: string } | undefined
  /** PEM file with the CA of the directory itself. */
  acmeCa: string | undefined
  /** How many releases of an app that ran keep their image. */
  keepReleases: number
}>

/** One row per setting: the README's table is checked against this list. */
export const SETTINGS = {
  DOZEN_HOME: { default: '~/.dozen', about: 'state folder, mode 0700' },
  DOZEN_API_HOST: { default: '127.0.0.1', about: 'address of the API, git and run port' },
  DOZEN_API_PORT: { default: '5170', about: 'port of the API, git and run; 0 = any free one' },
  DOZEN_API_PLAIN: {
    default: '0',
    about: '1 = serve the API without TLS to other machines too: their tokens can be read on the way',
  },
  DOZEN_HTTP_HOST: { default: '0.0.0.0', about: 'address of the router' },
  DOZEN_HTTP_PORT: { default: '8080', about: 'port of the router for HTTP; 0 = any free one' },
  DOZEN_HTTPS_PORT: { default: '8443', about: 'port of the router for HTTPS; 0 = any free one' },
  DOZEN_ROUTER_WORKERS: { default: 'one per core', about: 'processes of the router' },
  DOZEN_TRUSTED_PROXIES: { default: 'none', about: 'load balancers whose X-Forwarded-* and PROXY headers are believed' },
  DOZEN_DOMAIN: { default: 'localhost', about: 'apps answer at <app>.<domain>' },
  DOZEN_INSTANCE: { default: 'made once, kept in dozen.db', about: 'label value that marks what this instance owns' },
  DOZEN_DOCKER_SOCKET: { default: '/var/run/docker.sock', about: "the container engine's socket" },
  DOZEN_BOOT_TIMEOUT: { default: '60s', about: 'time a web process has to bind $PORT' },
  DOZEN_STOP_TIMEOUT: { default: '30s', about: 'time between SIGTERM and SIGKILL' },
  DOZEN_PROOF_TIME: { default: '3s', about: 'time a process of another type must stay up' },
  DOZEN_DRAIN_TIMEOUT: { default: '30s', about: 'time requests in flight have to finish on an old release' },
  DOZEN_WATCH_WINDOW: { default: '30s', about: 'time after a switch in which a crashing release is rolled back; 0 = never' },
  DOZEN_SWITCH_BATCH: {
    default: '0',
    about:
      'processes that an app may run beyond its formation during a switch, which then goes in batches; 0 = twice the formation',
  },
  DOZEN_BUILD_TIMEOUT: { default: '15m', about: 'longest build' },
  DOZEN_SOURCE_LIMIT: { default: '1GiB', about: 'largest source tree' },
  DOZEN_STACKS: {
    default: 'none',
    about:
      "stacks of other images, as NAME=BUILD_IMAGE,RUN_IMAGE with blanks between; heroku-22 may be named to take the place of dozen's own",
  },
  DOZEN_DOCKERFILES: {
    default: '1',
    about: '0 = no app is built by a Dockerfile: for a machine whose users you do not trust (docs/security.md)',
  },
  DOZEN_BUILDS_AT_ONCE: { default: '2', about: 'builds that run side by side, over all apps; further ones wait' },
  DOZEN_BUILD_MEMORY: { default: '4GiB', about: 'memory of one build, and of each step of a Dockerfile' },
  DOZEN_DISK_RESERVE: { default: '1GiB', about: "what stays free on the engine's disk: no build begins, or goes on, with less" },
  DOZEN_RELEASE_TIMEOUT: { default: '1h', about: 'longest release phase' },
  DOZEN_RUN_TIMEOUT: { default: '24h', about: 'longest one-off dyno' },
  DOZEN_LOG_LIMIT: { default: '64MiB', about: 'bytes of log kept per app' },
  DOZEN_LOG_TOTAL: { default: '4GiB', about: 'bytes of log kept of all apps together' },
  DOZEN_LOG_AGE: { default: '30d', about: 'how long log lines are kept' },
  DOZEN_PRIVATE_TARGETS: {
    default: '0',
    about:
      "1 = log drains, webhooks, buildpacks and a Dockerfile's ADD may lead to addresses inside this machine and its network",
  },
  DOZEN_MEMORY_LIMIT: { default: '2GiB', about: 'memory of each process of an app; more ends it (R14)' },
  DOZEN_CPU_LIMIT: { default: 'none', about: 'cores of each process of an app, such as 0.5; none = all, shared fairly' },
  DOZEN_OPEN_FILES: { default: '65536', about: 'files that a process in a container may have open at a time' },
  DOZEN_LOGIN_RATE: { default: '60', about: 'wrong tokens that one address may send in a minute' },
  DOZEN_API_RATE: { default: '4500', about: 'requests that one account may make in a minute' },
  DOZEN_BODY_LIMIT: { default: '1MiB', about: 'largest body of a request to the API' },
  DOZEN_MAX_APPS: { default: '1000', about: 'apps that one account may own' },
  DOZEN_MAX_SOURCES: { default: '20', about: 'uploaded sources of one account that may wait to be built' },
  DOZEN_MAX_BUILDS: { default: '20', about: 'builds of an app, beside those of pushes, that may wait or be under way' },
  DOZEN_MAX_TRANSFERS: { default: '32', about: 'pushes and fetches that git serves at a time, of all apps' },
  DOZEN_BUILDPACK_LIMIT: { default: '128MiB', about: 'what may be fetched of one buildpack by git, and its largest tree' },
  DOZEN_MAX_RUNS: { default: '100', about: 'one-off dynos that an app may have at a time' },
  DOZEN_MAX_LOG_SESSIONS: { default: '200', about: 'log streams of an app that may be read at a time' },
  DOZEN_CACHE_LIMIT: { default: '2GiB', about: 'build cache of an app; a larger one is emptied' },
  DOZEN_BUILDKIT_CACHE: {
    default: 'none',
    about:
      "BuildKit's cache of the whole engine, other programs' too; above it what was used longest ago goes; none = it is left alone",
  },
  DOZEN_REPO_LIMIT: { default: '4GiB', about: 'git repository of an app; pushes to a larger one are refused' },
  DOZEN_HOST_PORTS: {
    default: 'none',
    about: "TCP ports of this machine that apps and builds may reach besides the router's, such as 5432,6379",
  },
  DOZEN_ACME_DIRECTORY: {
    default: 'https://acme-v02.api.letsencrypt.org/directory',
    about: 'where certificates are ordered (RFC 8555); off = nowhere',
  },
  DOZEN_ACME_EMAIL: { default: 'none', about: 'whom the authority writes to about certificates' },
  DOZEN_ACME_EAB: {
    default: 'none',
    about: 'external account binding, as ZeroSSL and Google want it: <key id>:<HMAC key in base64url>',
  },
  DOZEN_ACME_CA: { default: 'the public CAs', about: "PEM file with the CA of the directory's own certificate" },
  DOZEN_KEEP_RELEASES: { default: '10', about: 'how many releases of an app keep their image, to roll back to' },
} as const

export type Setting = keyof typeof SETTINGS

/** Throws Error with the setting's name, its value and what was expected. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = <T>(name: Setting, parse: (text: string) => T | undefined, expected: string): T => {
    const text = env[name] || SETTINGS[name].default
    const value = parse(text)
    if (value === undefined) throw new Error(`${name} is ${JSON.stringify(text)}, but should be ${expected}.`)
    return value
  }
  const port = (name: Setting) => read(name, parsePort, 'a port from 0 to 65535')
  const count = (name: Setting) => read(name, parseCount, 'a number from 1 to 99999')
  const time = (name: Setting) => read(name, parseDuration, 'a time such as 500ms, 30s, 15m or 1h')
  const bytes = (name: Setting) => read(name, parseBytes, 'a size such as 512KiB, 64MiB or 1GiB')
  const acmeDirectory = read('DOZEN_ACME_DIRECTORY', parseDirectory, 'an https:// address, or off')
  return Object.freeze({
    home: resolve((env.DOZEN_HOME || join(homedir(), '.dozen')).replace(/^~(?=\/|$)/, homedir())),
    apiHost: read('DOZEN_API_HOST', parseHost, 'an address or host name'),
    apiPort: port('DOZEN_API_PORT'),
    isApiPlain: read('DOZEN_API_PLAIN', parseSwitch, '0 or 1') === 'on',
    httpHost: read('DOZEN_HTTP_HOST', parseHost, 'an address or host name'),
    httpPort: port('DOZEN_HTTP_PORT'),
    httpsPort: port('DOZEN_HTTPS_PORT'),
    domain: read('DOZEN_DOMAIN', parseDomain, 'a lower-case domain such as apps.example.com'),
    instance: env.DOZEN_INSTANCE ? read('DOZEN_INSTANCE', parseInstance, '1 to 40 of a-z, 0-9 and -') : undefined,
    dockerSocket: env.DOZEN_DOCKER_SOCKET || SETTINGS.DOZEN_DOCKER_SOCKET.default,
    bootTimeoutMs: time('DOZEN_BOOT_TIMEOUT'),
    stopTimeoutMs: time('DOZEN_STOP_TIMEOUT'),
    proofMs: time('DOZEN_PROOF_TIME'),
    drainTimeoutMs: time('DOZEN_DRAIN_TIMEOUT'),
    watchWindowMs: time('DOZEN_WATCH_WINDOW'),
    switchBatch: read('DOZEN_SWITCH_BATCH', parseNumber, 'a number from 0 to 99999'),
    buildTimeoutMs: time('DOZEN_BUILD_TIMEOUT'),
    sourceBytes: bytes('DOZEN_SOURCE_LIMIT'),
    areDockerfilesBuilt: read('DOZEN_DOCKERFILES', parseSwitch, '0 or 1') === 'on',
    stacks: read('DOZEN_STACKS', parseStacks, 'pairs such as heroku-24=heroku/heroku:24-build,heroku/heroku:24'),
    buildsAtOnce: read('DOZEN_BUILDS_AT_ONCE', parseCount, 'a number from 1 to 10000'),
    buildMemoryBytes: bytes('DOZEN_BUILD_MEMORY'),
    diskReserveBytes: bytes('DOZEN_DISK_RESERVE'),
    releasePhaseTimeoutMs: time('DOZEN_RELEASE_TIMEOUT'),
    runTimeoutMs: time('DOZEN_RUN_TIMEOUT'),
    logBytes: bytes('DOZEN_LOG_LIMIT'),
    logTotalBytes: bytes('DOZEN_LOG_TOTAL'),
    logAgeMs: time('DOZEN_LOG_AGE'),
    isInsideAllowed: read('DOZEN_PRIVATE_TARGETS', parseSwitch, '0 or 1') === 'on',
    memoryBytes: bytes('DOZEN_MEMORY_LIMIT'),
    cpus: read('DOZEN_CPU_LIMIT', parseCores, 'a number of cores from 0.05 to 1024, or none') || undefined,
    openFiles: read('DOZEN_OPEN_FILES', parseFiles, 'a number from 256 to 1048576'),
    loginsPerMinute: count('DOZEN_LOGIN_RATE'),
    requestsPerMinute: count('DOZEN_API_RATE'),
    bodyBytes: bytes('DOZEN_BODY_LIMIT'),
    appsPerUser: count('DOZEN_MAX_APPS'),
    sourcesPerUser: count('DOZEN_MAX_SOURCES'),
    buildsPerApp: count('DOZEN_MAX_BUILDS'),
    transfersAtOnce: count('DOZEN_MAX_TRANSFERS'),
    buildpackBytes: bytes('DOZEN_BUILDPACK_LIMIT'),
    runsPerApp: count('DOZEN_MAX_RUNS'),
    logSessionsPerApp: count('DOZEN_MAX_LOG_SESSIONS'),
    cacheBytes: bytes('DOZEN_CACHE_LIMIT'),
    buildKitBytes: read('DOZEN_BUILDKIT_CACHE', parseCap, 'a size such as 10GiB, or none') ?? undefined,
    repoBytes: bytes('DOZEN_REPO_LIMIT'),
    hostPorts: read('DOZEN_HOST_PORTS', parsePorts, 'ports such as 5432,6379, or none'),
    acmeDirectory: acmeDirectory === 'off' ? undefined : acmeDirectory,
    acmeEmail: env.DOZEN_ACME_EMAIL ? read('DOZEN_ACME_EMAIL', parseEmail, 'an e-mail address') : undefined,
    acmeBinding: env.DOZEN_ACME_EAB ? parseBinding(env.DOZEN_ACME_EAB) : undefined,
    acmeCa: env.DOZEN_ACME_CA ? resolve(env.DOZEN_ACME_CA) : undefined,
    keepReleases: count('DOZEN_KEEP_RELEASES'),
  })
}

const parseDirectory = (text: string) =>
  text === 'off' || (URL.canParse(text) && new URL(text).protocol === 'https:') ? text : undefined
const parseEmail = (text: string) => (/^[^\s@<>,;:]{1,64}@[^\s@<>,;:]{1,255}$/.test(text) ? text : undefined)
/** The value is a secret: the error does not repeat it. */
function parseBinding(text: string): NonNullable<Config['acmeBinding']> {
  const match = /^([\x21-\x39\x3b-\x7e]{1,256}):([A-Za-z0-9_-]{16,512})={0,2}$/.exec(text)
  if (match) return { kid: match[1]!, hmacKey: match[2]! }
  throw new Error('DOZEN_ACME_EAB should be <key id>:<HMAC key in base64url>, as the authority gives them.')
}
const parsePort = (text: string) => (/^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined)
const parsePorts = (text: string) => {
  const ports = text === 'none' ? [] : text.split(',').map(parsePort)
  return ports.every((one) => one !== undefined && one > 0) ? (ports as number[]) : undefined
}
const parseNumber = (text: string) => (/^\d{1,5}$/.test(text) ? Number(text) : undefined)
const parseCount = (text: string) => (/^\d{1,5}$/.test(text) && Number(text) >= 1 ? Number(text) : undefined)
/** null = none. */
const parseCap = (text: string) => (text === 'none' ? null : parseBytes(text))
/** 0 = none. */
const parseCores = (text: string) => {
  const cores = text === 'none' ? 0 : /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN
  return cores === 0 ? (text === 'none' ? 0 : undefined) : cores >= 0.05 && cores <= 1024 ? cores : undefined
}
const parseFiles = (text: string) =>
  /^\d{3,7}$/.test(text) && Number(text) >= 256 && Number(text) <= 1024 ** 2 ? Number(text) : undefined
const PAIR = /^([a-z][a-z0-9-]{1,29})=([a-z0-9][^\s,=]*),([a-z0-9][^\s,=]*)$/
function parseStacks(text: string): Config['stacks'] | undefined {
  const pairs = text === 'none' ? [] : text.trim().split(/\s+/).map((one) => PAIR.exec(one)) // prettier-ignore
  if (pairs.some((pair) => pair === null || pair[1] === 'container')) return undefined
  return pairs.map((pair) => ({ name: pair![1]!, build: pair![2]!, run: pair![3]! }))
}
const parseSwitch = (text: string) => ({ 0: 'off', 1: 'on' })[text]
const parseHost = (text: string) => (/^[A-Za-z0-9.:-]+$/.test(text) ? text : undefined)
const parseDomain = (text: string) => (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(text) ? text : undefined)
const parseInstance = (text: string) => (/^[a-z0-9-]{1,40}$/.test(text) ? text : undefined)

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** "500ms" → 500, "15m" → 900000, "0" → 0; undefined when it is not a time. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  return match ? Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS] : undefined
}

const UNIT_BYTES = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

/** "64MiB" → 67108864; undefined when it is not a size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,12})(KiB|MiB|GiB)?$/.exec(text)
  return match ? Number(match[1]) * UNIT_BYTES[(match[2] ?? '') as keyof typeof UNIT_BYTES] : undefined
}
