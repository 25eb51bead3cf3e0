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
  releasePhaseTimeoutMs: number
  runTimeoutMs: number
  drainTimeoutMs: number
  watchWindowMs: number
  /** Bytes of log kept per app. */
  logBytes: number
  /** Log drains may lead to addresses inside the machine and its network. */
  isInsideAllowed: boolean
  /** Memory of each process of an app. */
  memoryBytes: number
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
  DOZEN_TRUSTED_PROXIES: { default: 'none', about: 'addresses and networks whose X-Forwarded-* are believed' },
  DOZEN_DOMAIN: { default: 'localhost', about: 'apps answer at <app>.<domain>' },
  DOZEN_INSTANCE: { default: 'made once, kept in dozen.db', about: 'label value that marks what this instance owns' },
  DOZEN_DOCKER_SOCKET: { default: '/var/run/docker.sock', about: "the container engine's socket" },
  DOZEN_BOOT_TIMEOUT: { default: '60s', about: 'time a web process has to bind $PORT' },
  DOZEN_STOP_TIMEOUT: { default: '30s', about: 'time between SIGTERM and SIGKILL' },
  DOZEN_PROOF_TIME: { default: '3s', about: 'time a process of another type must stay up' },
  DOZEN_DRAIN_TIMEOUT: { default: '30s', about: 'time requests in flight have to finish on an old release' },
  DOZEN_WATCH_WINDOW: { default: '30s', about: 'time after a switch in which a crashing release is rolled back; 0 = never' },
  DOZEN_BUILD_TIMEOUT: { default: '15m', about: 'longest build' },
  DOZEN_SOURCE_LIMIT: { default: '1GiB', about: 'largest source tree' },
  DOZEN_RELEASE_TIMEOUT: { default: '1h', about: 'longest release phase' },
  DOZEN_RUN_TIMEOUT: { default: '24h', about: 'longest one-off dyno' },
  DOZEN_LOG_LIMIT: { default: '64MiB', about: 'bytes of log kept per app' },
  DOZEN_PRIVATE_TARGETS: { default: '0', about: '1 = log drains may lead to addresses inside this machine and its network' },
  DOZEN_MEMORY_LIMIT: { default: '2GiB', about: 'memory of each process of an app; more ends it (R14)' },
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
  const time = (name: Setting) => read(name, parseDuration, 'a time such as 500ms, 30s, 15m or 1h')
  const bytes = (name: Setting) => read(name, parseBytes, 'a size such as 512KiB, 64MiB or 1GiB')
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
    buildTimeoutMs: time('DOZEN_BUILD_TIMEOUT'),
    sourceBytes: bytes('DOZEN_SOURCE_LIMIT'),
    releasePhaseTimeoutMs: time('DOZEN_RELEASE_TIMEOUT'),
    runTimeoutMs: time('DOZEN_RUN_TIMEOUT'),
    logBytes: bytes('DOZEN_LOG_LIMIT'),
    isInsideAllowed: read('DOZEN_PRIVATE_TARGETS', parseSwitch, '0 or 1') === 'on',
    memoryBytes: bytes('DOZEN_MEMORY_LIMIT'),
    keepReleases: read('DOZEN_KEEP_RELEASES', parseCount, 'a number from 1 to 10000'),
  })
}

const parsePort = (text: string) => (/^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined)
const parseCount = (text: string) =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000 ? Number(text) : undefined
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
