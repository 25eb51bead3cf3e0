import { existsSync, readFileSync, statSync } from 'node:fs'
import { openDb } from '../db/open.ts'
import { MAX_PIDS as BUILD_PIDS } from './builds/build-containers.ts'
import { steadyClock, systemClock as clock } from './clock.ts'
import type { Config } from './config.ts'
import { dockerEngine } from './engine/docker.ts'
import { LABEL } from './engine/labels.ts'
import type { Container, Engine } from './engine/port.ts'
import { fence as makeFence } from './fence/fence.ts'
import { iptables } from './fence/iptables.ts'
import { stepLimits } from './fence/step-limits.ts'
import type { Home } from './home.ts'
import { systemIds as ids } from './ids.ts'
import { instanceOf, isEmpty } from './instance.ts'
import { collector as makeCollector } from './logs/collector.ts'
import { letGo } from './logs/held.ts'
import { redaction } from './logs/redaction.ts'
import { logStream } from './logs/stream.ts'
import { releaseStore } from './releases/store.ts'
import { routerClient } from './routing/router-client.ts'
import { routing as makeRouting } from './routing/routing.ts'
import { checkKey, rotation, settle } from './secrets/rotation.ts'
import { keyFrom, vault as makeVault } from './secrets/vault.ts'
import { ownSettings } from './settings/settings.ts'

type Deps = {
  config: Config
  home: Home
  /** The router's, once it runs. */
  publicPorts: () => readonly number[]
  path: string | undefined
  onError: (what: string, cause: unknown) => void
}

/** An empty database where there was one would take the running apps for nobody's. The key is made after the database. */
function refuseToForget(home: Home) {
  const isGone = !existsSync(home.database) || statSync(home.database).size === 0
  if (isGone && existsSync(home.path('secret.key')))
    throw new Error(
      `${home.database} is gone, but its key is still there. Restore it from a backup, or start with an empty DOZEN_HOME; the apps keep running.`,
    )
}

/** Of this machine, where it says so: the engine cannot give a container more than it has itself. */
function mostOpenFiles(): number {
  const [, most] = (existsSync(LIMITS) && /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync(LIMITS, 'utf8'))) || []
  return most === undefined ? Infinity : Number(most)
}
const LIMITS = '/proc/self/limits'

/** What every room stands on: the database, the engine, the log stream, the router. */
export function foundations({ config, home, publicPorts, path, onError }: Deps) {
  refuseToForget(home)
  const db = openDb(home.database)
  const instance = config.instance ?? instanceOf(db, ids)
  const docker = dockerEngine({ socket: config.dockerSocket, openFiles: Math.min(config.openFiles, mostOpenFiles()) })
  const keyFile = home.path('secret.key')
  settle(db, keyFile)
  const key = keyFrom(keyFile, () => isEmpty(db))
  checkKey(db, key, keyFile, isEmpty(db))
  const vault = makeVault(key)
  const secrets = rotation({ db, file: keyFile, vault })
  const ofApp = ownSettings(db)
  const stream = logStream({
    redactor: redaction({ ...releaseStore(db, vault), isOn: (appId) => ofApp(appId, 'log-redaction') ?? false }),
    folder: home.path('logs'),
    clock,
    bytesPerApp: config.logBytes,
    totalBytes: config.logTotalBytes,
    ageMs: config.logAgeMs,
  })
  const collector = makeCollector({ engine: docker, stream, clock })
  const fence = makeFence({
    engine: docker,
    filter: iptables(path),
    clock,
    instance,
    ports: () => [...publicPorts(), ...config.hostPorts],
    resolvConf: () => readFileSync('/etc/resolv.conf', 'utf8'),
    isThere: (bridge) => existsSync(`/sys/class/net/${bridge}`),
    onError: (cause) =>
      onError(
        'keeping apps and builds from the services of this machine',
        `${(cause as Error).message.trim()} They can reach them until this is mended: it needs root and iptables (docs/security.md).`,
      ),
  })
  const steps = stepLimits({
    clock,
    limits: { memoryBytes: config.buildMemoryBytes, pids: BUILD_PIDS },
    onError: (cause) => onError('limiting the memory of steps of Dockerfiles', cause),
  })
  /** One that stands still for the reader of its log runs, for all others. */
  const unheld = (container: Container): Container =>
    container.state === 'paused' && collector.wasHeld(container.id) ? { ...container, state: 'running' } : container
  const engine: Engine = {
    ...docker,
    list: async (labels) => (await docker.list(labels)).map(unheld),
    async find(id) {
      const found = await docker.find(id)
      return found && unheld(found)
    },
    async ensureNetwork(spec) {
      const name = await docker.ensureNetwork(spec)
      await fence.cover()
      return name
    },
    async remove(id) {
      await docker.remove(id)
      collector.forget(id)
    },
  }
  const router = routerClient(home.path('router/control.sock'))
  const routing = makeRouting({ db, clock: steadyClock(clock), router, onError: (cause) => onError('the router', cause) })
  const network = () =>
    engine.ensureNetwork({
      name: `dozen-${instance}`,
      labels: { [LABEL.instance]: instance, [LABEL.role]: 'network' },
      isolated: true,
    })
  return {
    db,
    instance,
    key,
    vault,
    stream,
    collector,
    engine,
    router,
    routing,
    network,
    fence,
    /** What the steps of a Dockerfile may reach and use. */
    confined: <T>(work: () => Promise<T>) => fence.aroundBuild(() => steps.around(work)),
    secrets,
    letGo: letGo(docker, instance),
  }
}
