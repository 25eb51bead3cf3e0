import { fileURLToPath } from 'node:url'
import { api } from './api/api.ts'
import { callerOf, checkScope } from './api/auth.ts'
import { apiCertificate } from './api/ca.ts'
import { jobs as makeJobs } from './api/jobs.ts'
import { listener } from './api/listener.ts'
import { sources } from './api/sources.ts'
import { streams } from './api/streams.ts'
import { systemClock as clock } from './clock.ts'
import { parseConfig, type Config } from './config.ts'
import { controller } from './controller.ts'
import { armFailpoints } from './failpoint.ts'
import { receiver } from './git/receiver.ts'
import { repos } from './git/repos.ts'
import { smartHttp } from './git/smart-http.ts'
import { home as openHome, type Home } from './home.ts'
import { systemIds as ids } from './ids.ts'
import { lock } from './lock.ts'

const LOCK_TRIES = 100
const ROUTER_TRIES = 400
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/** The controller's composition root: config → rooms → API and git → loops; stop in reverse. */
async function start(config: Config, home: Home) {
  const unlock = await locked(config.home)
  const said = new Map<string, string>()
  const onError = (what: string, cause: unknown) => {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    if (said.get(what) !== text) console.error(`dozen: ${what}: ${text}`) // once, not at each retry
    said.set(what, text)
  }

  let httpPort = config.httpPort
  const webUrl = (name: string) => `http://${name}.${config.domain}${httpPort === 80 ? '' : `:${httpPort}`}/`
  const hooksFolder = home.path('hooks')
  const hookProgram = fileURLToPath(new URL('./git/hook/main.js', import.meta.url))
  const repositories = repos({ folder: home.path('repos'), hooksFolder, hookProgram, path: process.env['PATH'] })
  repositories.sweep()
  const rooms = controller({ config, home, createRepo: repositories.create, webUrl, onError, path: process.env['PATH'] })
  const { useCases, accounts } = rooms
  const admin = accounts.admin()
  const kept = home.read('admin-token')
  if (!kept || !accounts.authenticate(kept))
    home.write('admin-token', accounts.createToken(admin.id, { description: 'admin-token file' }).secret)

  const pushes = receiver({
    socketPath: home.path('git.sock'),
    ids,
    deploy: ({ app, caller }, source, io) => useCases.deploys.deploy(app, caller.account, source, io),
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
      const caller = callerOf(accounts, req)
      checkScope(caller, needed)
      return caller
    },
    path: process.env['PATH'],
    maxPackBytes: config.sourceBytes,
  })
  const jobs = makeJobs({ deploys: useCases.deploys, clock, ids, onError })
  const http = api({
    ...rooms,
    jobs,
    streams: streams({ clock, jobs, buildOutput: rooms.buildOutput, releaseOutput: rooms.releaseOutput }),
    sources: sources({ folder: home.path('sources'), maxBytes: config.sourceBytes, clock, ids }),
    clock,
    ids,
    git,
    logSessions: rooms.sessions,
    serveLogs: rooms.sessions.serve,
    hostNames: () => [...LOOPBACK, config.apiHost.toLowerCase()],
    webUrl: (app) => webUrl(app.name),
    log: (id, cause) => onError(`request ${id}`, cause),
  })
  const hosts = [...new Set(['localhost', '127.0.0.1', '::1', ...(config.apiHost === '0.0.0.0' ? [] : [config.apiHost])])]
  const certificate = await apiCertificate(home.path('certs'), hosts, clock.now())
  const port = await listener({
    host: config.apiHost,
    port: config.apiPort,
    certificate,
    isPlainAllowed: config.isApiPlain,
    http,
    attach: useCases.runs.attach,
    clock,
  }).catch((cause) => {
    throw portSentence(cause, config)
  })

  const stopping = new AbortController()
  const router = await reachRouter(rooms.router)
  httpPort = router.http.port
  const running = rooms.run(stopping.signal)
  const shownHost = config.apiHost === '0.0.0.0' ? '127.0.0.1' : config.apiHost
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
    async close() {
      home.remove('endpoints.json')
      stopping.abort()
      pushes.close()
      await port.close()
      await running.catch(() => {})
      rooms.close()
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
  const config = parseConfig(process.env)
  armFailpoints(process.env['DOZEN_FAIL_AT'])
  const platform = await start(config, openHome(config.home))
  let stopped = false
  const stop = () => {
    if (stopped) return
    stopped = true
    void platform.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop).on('SIGINT', stop).on('disconnect', stop)
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
