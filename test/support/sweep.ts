import Docker from 'dockerode'

const LABEL = 'dozen.instance'
const engine = () => new Docker({ socketPath: process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock' })

export type Running = { id: string; name: string; labels: Record<string, string>; state: string; image: string }

/** Containers of an instance, running or not, by what the engine says and not the platform. */
export async function containersOf(instance: string): Promise<Running[]> {
  const found = await engine().listContainers({ all: true, filters: { label: [`${LABEL}=${instance}`] } })
  return found.map(({ Id, Names, Labels, State, ImageID }) => ({
    id: Id,
    name: (Names[0] ?? '').slice(1),
    labels: Labels,
    state: State,
    image: ImageID,
  }))
}

/** A container as the engine inspects it: environment, limits, exit. */
export const inspect = (id: string) => engine().getContainer(id).inspect()

/** Sends a signal as the outside world would, e.g. the kernel's SIGKILL. */
export const signal = (id: string, name: NodeJS.Signals) => engine().getContainer(id).kill({ signal: name })

const ignoringGone = async (removal: Promise<unknown>) => {
  await removal.catch((error: { statusCode?: number }) => {
    if (error.statusCode !== 404 && error.statusCode !== 409) throw error
  })
}

/** Removes every container, network, volume and image of an instance from the engine. What is gone already is fine. */
export async function sweep(instance: string): Promise<void> {
  const docker = engine()
  const filters = { label: [`${LABEL}=${instance}`] }
  const containers = await docker.listContainers({ all: true, filters })
  await Promise.all(containers.map(({ Id }) => ignoringGone(docker.getContainer(Id).remove({ force: true, v: true }))))
  const networks = await docker.listNetworks({ filters })
  await Promise.all(networks.map(({ Id }) => ignoringGone(docker.getNetwork(Id).remove())))
  const { Volumes } = await docker.listVolumes({ filters })
  await Promise.all((Volumes ?? []).map(({ Name }) => ignoringGone(docker.getVolume(Name).remove({ force: true }))))
  const images = await docker.listImages({ all: false, filters })
  for (const { Id } of images) await ignoringGone(docker.getImage(Id).remove({ force: true }))
}

/** What an instance, or whatever carries the label "key=value", has on the engine; empty after `sweep`. */
export async function leftovers(owner: string): Promise<string[]> {
  const docker = engine()
  const filters = { label: [owner.includes('=') ? owner : `${LABEL}=${owner}`] }
  const [containers, networks, { Volumes }, images] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
    docker.listImages({ filters }),
  ])
  return [
    ...containers.map(({ Id }) => `container ${Id}`),
    ...networks.map(({ Name }) => `network ${Name}`),
    ...(Volumes ?? []).map(({ Name }) => `volume ${Name}`),
    ...images.map(({ Id }) => `image ${Id}`),
  ]
}

/** Tag of the newest stack image that apps are built in; set-up has made it. It has Node.js, git and a compiler. */
export async function stackImage(): Promise<string> {
  const images = await engine().listImages({ filters: { label: ['dozen.role=stack'] } })
  const isBuild = ({ Labels }: { Labels?: Record<string, string> }) =>
    /^build-[0-9a-f]+-[0-9a-f]+$/.test(Labels?.['dozen.stack'] ?? '')
  const tagged = images.filter((image) => isBuild(image) && image.RepoTags?.some((tag) => tag.startsWith('dozen/stack:')))
  const [newest] = tagged.toSorted((a, b) => b.Created - a.Created)
  if (!newest?.RepoTags?.[0]) throw new Error('There is no stack image: run `npm start` or `npm test` once.')
  return newest.RepoTags[0]
}
