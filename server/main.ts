import { hostname, networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import { api } from './api/api.ts'
import { attempts as makeAttempts } from './api/attempts.ts'
import { callerOf, checkScope } from './api/auth.ts'
import { apiCertificate } from './api/ca.ts'
import { jobs as makeJobs } from './api/jobs.ts'
import { listener } from './api/listener.ts'
import { inHeader, ownNames } from './api/own-names.ts'
import { slugs } from './api/slugs.ts'
import { sources } from './api/sources.ts'
import { streams } from './api/streams.ts'
import { systemClock as clock } from './clock.ts'
import { parseConfig, type Config } from './config.ts'
import { controller } from './controller.ts'
import { troubles as makeTroubles } from './doctor/troubles.ts'
import { armFailpoints } from './failpoint.ts'
import { sizeOf } from './disk/usage.ts'
import { AppError } from './errors.ts'
import { receiver } from './git/receiver.ts'
import { history } from './git/history.ts'
import { repos } from './git/repos.ts'
import { smartHttp } from './git/smart-http.ts'
import { home as openHome, type Home } from './home.ts'
import { systemIds as ids } from './ids.ts'
import { lock } from './lock.ts'

const LOCK_TRIES = 100
const ROUTER_TRIES = 400

/** The controller's composition root: config → rooms → API and git → loops; stop in reverse. */
async function start(config: Config, home: Home) {
  const unlock = await locked(config.home)
  const said = new Map<string, string>()
  const troubles = makeTroubles({ clock })
  const stopping = new AbortController()
  const onError = (what: string, cause: unknown) => {
    if (stopping.signal.aborted) return // what we talk to stops too, perhaps before us
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    if (said.get(what) !== text) console.error(`dozen: ${what}: ${text}`) // once, not at each retry
    said.set(what, text)
    troubles.note(what, cause)
  }

  let httpPort = config.httpPort
  let publicPorts: number[] = []
  const webUrl = (name: string) => `http://${name}.${config.domain}${httpPort === 80 ? '' : `:${httpPort}`}/`
  const hooksFolder = home.path('hooks')
  const hookProgram = fileURLToPath(new URL('./git/hook/main.js', import.meta.url))
  const repositories = repos({ folder: home.path('repos'), hooksFolder, hookProgram, path: process.env['PATH'] })
  repositories.sweep()
  const rooms = controller({
    config,
    home,
    createRepo: repositories.create,
    packRepository: repositories.pack,
    webUrl,
    onError,
    troubles,
    publicPorts: () => publicPorts,
    path: process.env['PATH'],
  })
  const { useCases, accounts } = rooms
  const attempts = makeAttempts({ clock, perMinute: config.loginsPerMinute })
  const admin = accounts.admin()
  const kept = home.read('admin-token')
  if (!kept || !accounts.authenticate(kept))
    home.write('admin-token', accounts.createToken(admin.id, { description: 'admin-token file' }).secret)

  const pushes = receiver({
    socketPath: home.path('git.sock'),
    ids,
    deploy: async ({ app, caller }, source, io) => {
      const bytes = await sizeOf(repositories.pathOf(app.id))
      if (bytes > config.repoBytes)
        throw new AppError(
          'too_large',
          `The repository of ${app.name} has ${bytes} bytes, more than ${config.repoBytes} (DOZEN_REPO_LIMIT). Remove large files from the history and push with --force, or raise the setting.`,
        )
      return useCases.deploys.deploy(app, caller.account, source, io)
    },
    onError,
  })
  await pushes.start()
  const git = smartHttp({
    accounts,
    findApp: (caller, name, needed) => {
      const app = useCases.apps.find(caller.account, name)
      rooms.collaborators.check(caller.account, app, needed)
      return app
    },
    repoOf: repositories.pathOf,
    hooksFolder,
    announce: pushes.announce,
    expectPush: (app) => rooms.expectPush(app.id),
    callerOf: (req, needed) => {
      const caller = callerOf({ accounts, attempts }, req)
      checkScope(caller, needed)
      return caller
    },
    path: process.env['PATH'],
    maxPackBytes: config.sourceBytes,
    maxExchanges: config.transfersAtOnce,
    clock,
  })
  const jobs = makeJobs({ deploys: useCases.deploys, clock, ids, onError, maxPerApp: config.buildsPerApp })
  const names = ownNames(config.apiHost, { interfaces: networkInterfaces(), hostname: hostname() })
  const uploads = sources({
    folder: home.path('sources'),
    maxBytes: config.sourceBytes,
    maxPerUser: config.sourcesPerUser,
    clock,
    ids,
    checkRoom: () => useCases.disk.checkRoom(),
  })
  const http = api({
    ...rooms,
    attempts,
    limits: config,
    jobs,
    streams: streams({ clock, jobs, buildOutput: rooms.buildOutput, releaseOutput: rooms.releaseOutput }),
    sources: uploads,
    slugs: slugs({ sources: uploads, deploys: useCases.deploys, clock, ids }),
    clock,
    ids,
    git,
    history: history({ pathOf: repositories.pathOf, path: process.env['PATH'] }),
    logSessions: rooms.sessions,
    serveLogs: rooms.sessions.serve,
    hostNames: () => names.map(inHeader),
    webUrl: (app) => webUrl(app.name),
    log: (id, cause) => onError(`request ${id}`, cause),
  })
  const certificate = await apiCertificate(home.path('certs'), names, clock.now())
  const port = await listener({
    host: config.apiHost,
    port: config.apiPort,
    certificate,
    isPlainAllowed: config.isApiPlain,
    http,
    attach: useCases.runs.attach,
    refuses: rooms.fence.refuses,
    clock,
  }).catch((cause) => {
    throw portSentence(cause, config)
  })

  const router = await reachRouter(rooms.router)
  httpPort = router.http.port
  publicPorts = [router.http.port, ...(router.https ? [router.https.port] : [])]
  const running = rooms.run(stopping.signal)
  const shownHost = ['0.0.0.0', '::'].includes(config.apiHost) ? '127.0.0.1' : inHeader(config.apiHost)
  const endpoints = {
    api: `http://${shownHost}:${port.port}`,
    http: `http://127.0.0.1:${router.http.port}`,
    https: router.https ? `https://127.0.0.1:${router.https.port}` : null,
    instance: rooms.instance,
    pids: { controller: process.pid, router: router.pid, supervisor: process.ppid },
  }
  home.write('endpoints.json', JSON.stringify(endpoints), 0o644)

  return {
    endpoints,
    apiPort: port.port,
    /** `isOrphan`: its supervisor was killed, and the next one goes on where this one was. */
    async close({ isOrphan }: { isOrphan: boolean }) {
      if (!isOrphan) home.remove('endpoints.json')
      stopping.abort()
      pushes.close()
      await port.close()
      await running.catch(() => {})
      await rooms.close()
      unlock()
    },
  }
}

/** A predecessor whose supervisor was killed may need a moment to end. */
async function locked(folder: string): Promise<() => void> {
  for (let tries = 1; ; tries++) {
    try {
      return await lock(folder, 'controller')
    } catch (cause) {
      if (tries >= LOCK_TRIES)
        throw new Error(`Another dozen already controls ${folder}. Stop it first, or set DOZEN_HOME to another folder.`, {
          cause,
        })
      await clock.sleep(100)
    }
  }
}

async function reachRouter(router: {
  status(): Promise<{ http: { port: number }; https: { port: number } | null; pid: number }>
}) {
  for (let tries = 1; ; tries++) {
    try {
      return await router.status()
    } catch (cause) {
      if (tries >= ROUTER_TRIES) throw new Error('The router does not answer: its messages are above.', { cause })
      await clock.sleep(25)
    }
  }
}

function portSentence(cause: unknown, { apiHost, apiPort }: Config): unknown {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE')
    return new Error(`Port ${apiPort} on ${apiHost} is taken by another program. Free it, or set DOZEN_API_PORT.`)
  if (code === 'EACCES') return new Error(`Port ${apiPort} may not be bound by this user. Set DOZEN_API_PORT to one above 1023.`)
  return cause
}

async function main() {
  process.umask(0o077) // whatever is made from here on is the platform's alone
  const config = parseConfig(process.env)
  armFailpoints(process.env['DOZEN_FAIL_AT'])
  const platform = await start(config, openHome(config.home))
  let stopped = false
  const stop = (isOrphan: boolean) => {
    if (stopped) return
    stopped = true
    void platform.close({ isOrphan }).then(() => process.exit(0))
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(false))
  process.on('disconnect', () => stop(true))
  const { api: url, http, https } = platform.endpoints
  console.log(`dozen is ready\n  API     ${url}\n  apps    ${http}${https ? `\n          ${https}` : ''}`)
  process.send?.({ apiPort: platform.apiPort })
}

process.on('unhandledRejection', (cause) => {
  console.error('dozen: a bug:', cause)
  process.exit(1)
})
main().catch((cause: Error) => {
  console.error(`dozen: ${cause.message}`)
  process.exit(1)
})
