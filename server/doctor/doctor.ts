import { statfs } from 'node:fs/promises'
import type { Db } from '../../db/open.ts'
import type { Account } from '../accounts/account.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import type { Engine } from '../engine/port.ts'
import type { Dyno } from '../formation/formation.ts'
import type { Troubles } from './troubles.ts'

/** One thing that was looked at. `hint` says what to do when it is not well. */
export type Finding = {
  readonly check: string
  readonly app: string | null
  readonly ok: boolean
  readonly found: string
  readonly hint: string | null
}

type Deps = {
  db: Db
  engine: Pick<Engine, 'ping'>
  socket: string
  home: string
  /** The machine's, which somebody may move, and one that nobody can. */
  wall: Clock
  steady: Clock
  router: { status(): Promise<{ version: number }> }
  /** Version of the table that the router acknowledged last. */
  acknowledged: () => number | undefined
  apps: (account: Account) => App[]
  dynos: (app: App) => Promise<Dyno[]>
  troubles: Troubles
  /** Between apps and this machine. */
  fence?: { isUp(): boolean }
}

const ENGINE_MS = 3_000
const BUSY_MS = 250
const LEAST_FREE_BYTES = 512 * 1024 ** 2
const LEAST_FREE_SHARE = 0.03
const MOVED_MS = 2_000

const well = (check: string, found: string, app: string | null = null): Finding => ({ check, app, ok: true, found, hint: null })
const ill = (check: string, found: string, hint: string, app: string | null = null): Finding => ({
  check,
  app,
  ok: false,
  found,
  hint,
})
const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`
const textOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** `dozen doctor`: what the controller finds when it looks at everything that it stands on, and at the apps. Never throws. */
export function doctor(deps: Deps) {
  async function engine(): Promise<Finding> {
    const done = new AbortController()
    const late = deps.steady.sleep(ENGINE_MS, done.signal).then(() => Promise.reject(new Error(`no answer in ${ENGINE_MS / 1000} s`)), () => new Promise<never>(() => {})) // prettier-ignore
    try {
      const { version } = await Promise.race([deps.engine.ping(), late])
      return well('engine', `Docker ${version}`)
    } catch (cause) {
      const hint = `Start it (\`systemctl start docker\`); until then nothing can be started or replaced, and what runs goes on.`
      return ill('engine', `The container engine at ${deps.socket} does not answer: ${textOf(cause)}`, hint)
    } finally {
      done.abort()
    }
  }

  async function router(): Promise<Finding> {
    try {
      const { version } = await deps.router.status()
      if (version === deps.acknowledged()) return well('router', `serves table ${version}`)
      return ill('router', `serves table ${version}, not ${deps.acknowledged() ?? 'the newest'}`, 'It gets the newest one within seconds; ask again.') // prettier-ignore
    } catch (cause) {
      return ill(
        'router',
        `does not answer: ${textOf(cause)}`,
        'It is started again by itself; the output of `dozen up` says why it ended.',
      )
    }
  }

  /** Takes the write lock, for nothing. */
  function database(): Finding {
    try {
      deps.db.pragma(`busy_timeout = ${BUSY_MS}`)
      deps.db.transaction(() => {}).immediate()
      return well('database', 'can be written')
    } catch (cause) {
      const hint = `Another program may hold ${deps.home}/dozen.db, or the disk is full or broken. Nothing can be changed until that is mended; what runs goes on.`
      return ill('database', `cannot be written: ${textOf(cause)}`, hint)
    } finally {
      deps.db.pragma('busy_timeout = 5000')
    }
  }

  async function disk(): Promise<Finding> {
    try {
      const { bavail, blocks, bsize } = await statfs(deps.home)
      const found = `${gib(bavail * bsize)} of ${gib(blocks * bsize)} are free at ${deps.home}`
      const isLow = bavail * bsize < LEAST_FREE_BYTES || bavail < blocks * LEAST_FREE_SHARE
      return isLow ? ill('disk', found, 'Free some: builds, logs and releases need it. `dozen apps:destroy` and DOZEN_KEEP_RELEASES do.') : well('disk', found) // prettier-ignore
    } catch (cause) {
      return ill('disk', `${deps.home} cannot be looked at: ${textOf(cause)}`, 'Mount it again, or restore it from a backup.')
    }
  }

  function clock(): Finding {
    const moved = deps.wall.now().getTime() - deps.steady.now().getTime()
    if (Math.abs(moved) < MOVED_MS) return well('clock', 'has not been moved')
    const text = `was moved by ${moved > 0 ? '+' : '-'}${Math.round(Math.abs(moved) / 1000)} s since dozen started`
    return ill(
      'clock',
      text,
      'Times of log lines before and after do not fit together; scheduled jobs go by the new time. A restart of dozen makes this go away.',
    )
  }

  function fence(): Finding[] {
    if (deps.fence?.isUp() ?? true) return []
    const hint =
      'Run dozen as root on a machine with iptables. Until then keep services of this machine to 127.0.0.1 (docs/security.md).'
    return [ill('fence', 'iptables cannot be used, so apps reach what listens on addresses of this machine', hint)]
  }

  async function app(one: App): Promise<Finding[]> {
    try {
      const down = (await deps.dynos(one)).filter(({ state }) => state === 'crashed' || state === 'down')
      return down.map(({ name, reason, release }) =>
        ill(
          'app',
          `${name} of v${release.version} ${reason ?? 'is down'}`,
          `\`dozen logs -a ${one.name} --dyno ${name}\` has its lines.`,
          one.name,
        ),
      )
    } catch {
      return [] // the engine does not answer: said once, above
    }
  }

  return {
    /** The machine for admins, the apps for whoever may see them. */
    async findings(account: Account): Promise<Finding[]> {
      const apps = deps.apps(account)
      const machine = account.admin ? [...(await Promise.all([engine(), router(), database(), disk(), clock()])), ...fence()] : []
      const recent = account.admin ? deps.troubles.recent() : []
      const troubles = recent.map(({ what, message }) => ill('trouble', `${what}: ${message}`, 'It is tried again; the output of `dozen up` has more.')) // prettier-ignore
      const isEngineWell = machine[0]?.ok ?? true
      const down = isEngineWell ? (await Promise.all(apps.map(app))).flat() : []
      const all = well('apps', `${apps.length} apps, every process of them as it should be`)
      return [...machine, ...troubles, ...(down.length > 0 || !isEngineWell ? down : [all])]
    },
  }
}
export type Doctor = ReturnType<typeof doctor>
