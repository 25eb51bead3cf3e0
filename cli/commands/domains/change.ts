import { setTimeout } from 'node:timers/promises'
import type { Domain } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { parseCount } from '../../pairs.ts'

const PATH = 'domains'
const POLL_MS = 1_000

/** PATCH /apps/:app/domains/:hostname `{sni_endpoint}` */
export const update: Make = (context) =>
  appCommand('domains:update', 'choose the certificate that is shown for a host name')
    .argument('<hostname>', 'the host name')
    .option('--cert <name>', 'its certificate; without: the newest that covers it')
    .action(async (hostname: string, { app: named, cert = null }: AppOption & { cert?: string | null }) => {
      const app = await context.app(named)
      const changed = context.api.patch<Domain>(appPath(app, PATH, hostname), { sni_endpoint: cert })
      await progress(context, `Updating ${hostname} of ${app}`, changed)
    })

/** PATCH /apps/:app/domains/:hostname `{enabled}` */
export const byDefault: Make = (context) =>
  appCommand('domains:default', 'show, or switch on or off, the host name that comes with an app')
    .argument('[on|off]', 'whether it leads to the app')
    .action(async (state: string | undefined, options: AppOption) => {
      if (state !== undefined && state !== 'on' && state !== 'off') throw new CliError('Say on or off.')
      const app = await context.app(options.app)
      const [domain] = (await context.api.list<Domain>(appPath(app, PATH))).filter(({ kind }) => kind === 'heroku')
      if (state === undefined) return context.out(`${domain!.hostname} ${domain!.enabled ? 'on' : 'off'}`)
      const changed = context.api.patch<Domain>(appPath(app, PATH, domain!.hostname), { enabled: state === 'on' })
      await progress(context, `Turning ${domain!.hostname} ${state}`, changed)
    })

/** GET /apps/:app/domains, again and again */
export const wait: Make = (context) =>
  appCommand('domains:wait', 'wait until host names are served, with their certificate if they get one')
    .argument('[hostname]', 'one of them; without: all')
    .option('--timeout <seconds>', 'give up after', parseCount, 300)
    .action(async (hostname: string | undefined, { app: named, timeout }: AppOption & { timeout: number }) => {
      const app = await context.app(named)
      const work = allReady(context, app, hostname, timeout * 1000)
      const ready = await progress(context, `Waiting for ${hostname ?? `the host names of ${app}`}`, work)
      for (const { hostname: name, acm_status_reason: why } of ready.filter(isBare))
        context.err(`${name} is served, but no certificate will come for it by itself. ${why ?? 'See certs:auto and certs:add.'}`)
    })

/** Served, by HTTPS with the self-signed certificate only. */
const isBare = ({ acm_status: acm, sni_endpoint: cert }: Domain) => acm === null && cert === null

async function allReady(context: Context, app: string, hostname: string | undefined, timeoutMs: number): Promise<Domain[]> {
  const end = performance.now() + timeoutMs
  const one = hostname === undefined ? undefined : await context.api.get<Domain>(appPath(app, PATH, hostname))
  for (;;) {
    const domains = await context.api.list<Domain>(appPath(app, PATH))
    const wanted = domains.filter((domain) => one === undefined || domain.id === one.id)
    const waiting = wanted.filter((domain) => !isReady(domain))
    if (waiting.length === 0) return wanted
    const failing = waiting.find(({ acm_status }) => acm_status?.startsWith('fail'))
    if (failing) throw new CliError(`${failing.hostname} has no certificate. ${failing.acm_status_reason}`)
    if (performance.now() > end) throw new CliError(`Not yet served: ${waiting.map(({ hostname }) => hostname).join(', ')}.`)
    await setTimeout(POLL_MS)
  }
}

const isReady = ({ status, acm_status: acm }: Domain) => status !== 'pending' && (acm === null || acm === 'cert issued')
