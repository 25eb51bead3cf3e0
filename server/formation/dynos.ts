import type { App } from '../apps/app.ts'
import { LABEL } from '../engine/labels.ts'
import type { ContainerSpec, Engine } from '../engine/port.ts'
import { failpoint } from '../failpoint.ts'
import type { Ids } from '../ids.ts'
import type { Limits } from '../limits/limits.ts'
import type { ImageSource, Release } from '../releases/release.ts'
import { GENERATION_LABEL, PORT_LABEL } from './haves.ts'
import { dynoName, type Slot } from './plan.ts'

/** $PORT of web processes, unless the image says with EXPOSE where it listens. */
const DEFAULT_PORT = 5000
/** What a web server that starts as root to drop its rights needs; buildpack images run as a plain user with none. */
const DOCKERFILE_CAPABILITIES = ['CHOWN', 'FOWNER', 'SETUID', 'SETGID', 'KILL', 'NET_BIND_SERVICE']

/** How a command becomes argv for an image of either kind; "" = the image's own CMD. */
export type DynoCommand = (
  source: Pick<ImageSource, 'imageKind'>,
  command: string,
) => { cmd?: readonly string[]; entrypoint?: readonly string[] }

type Deps = {
  engine: Pick<Engine, 'create' | 'start'>
  ids: Ids
  instance: string
  network: () => Promise<string>
  dynoCommand: DynoCommand
  config: (appId: string, version: number) => Record<string, string>
  limits: (appId: string, type: string) => Limits
  /** Whether nothing but /tmp can be written. */
  isReadOnly: (appId: string) => boolean
}

/** The image that a process type runs in; `run` and types without one of their own have the main one. */
const imageOf = ({ image, port, images = {} }: ImageSource, type: string) =>
  Object.hasOwn(images, type) ? images[type]! : { image, port }

/** `dyno` is its name, e.g. "web.1", "run.7", "release.3"; `type` is the one whose image and limits it has, when its name does not say. */
export type ProcessOf = { app: App; release: Release; dyno: string; command: string; type?: string | undefined }

/** What any process of a release gets: image, environment and limits. */
export function processSpec(
  { ids, instance, dynoCommand, config, limits, isReadOnly }: Omit<Deps, 'engine' | 'network'>,
  { app, release, dyno, command, type = dyno.slice(0, dyno.lastIndexOf('.')) }: ProcessOf,
): Omit<ContainerSpec, 'network'> {
  const source = release.source!
  const { memoryBytes, cpus, pids } = limits(app.id, type)
  return {
    name: `dozen-${instance}-${app.name}-${dyno.replaceAll('_', '-')}-v${release.version}-${ids.secret().slice(0, 6)}`,
    image: imageOf(source, type).image,
    ...dynoCommand(source, command),
    env: {
      ...config(app.id, release.version),
      DYNO: dyno,
      DOZEN_APP_NAME: app.name,
      DOZEN_RELEASE_VERSION: `v${release.version}`,
      ...(source.commit && { DOZEN_SLUG_COMMIT: source.commit }),
    },
    labels: { [LABEL.instance]: instance, [LABEL.app]: app.id, [LABEL.release]: String(release.version) },
    capabilities: source.imageKind === 'dockerfile' ? DOCKERFILE_CAPABILITIES : [],
    pids,
    tmpfs: { '/tmp': `size=${Math.floor(memoryBytes / 2)},mode=1777,exec` },
    isReadOnly: isReadOnly(app.id),
    memoryBytes,
    ...(cpus !== null && { cpus }),
  }
}

/** Starts processes of the formation. */
export function dynos(deps: Deps) {
  const { engine, instance } = deps
  return {
    /** Creates and starts one; a crash between the two leaves an `unstarted` container that the next pass removes. */
    async start(app: App, release: Release, slot: Slot, crashes: number): Promise<void> {
      const { type, ordinal, generation } = slot
      const port = String(imageOf(release.source!, type).port ?? DEFAULT_PORT)
      const command = release.source!.processTypes[type] ?? ''
      const spec = processSpec(deps, { app, release, dyno: dynoName(slot), command })
      const id = await engine.create({
        ...spec,
        network: await deps.network(),
        env: { ...spec.env, ...(type === 'web' && { PORT: port }) },
        labels: {
          ...spec.labels,
          [LABEL.role]: 'dyno',
          [LABEL.type]: type,
          [LABEL.ordinal]: String(ordinal),
          [LABEL.crashes]: String(crashes),
          [GENERATION_LABEL]: String(generation),
          ...(type === 'web' && { [PORT_LABEL]: port }),
        },
      })
      failpoint('dyno.created')
      await engine.start(id)
      failpoint('dyno.started')
    },
    instance,
  }
}
export type Dynos = ReturnType<typeof dynos>
