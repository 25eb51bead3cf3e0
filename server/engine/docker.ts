import Dockerode from 'dockerode'
import { containers } from './docker-containers.ts'
import { images } from './docker-images.ts'
import { surroundings } from './docker-surroundings.ts'
import { guard, labelFilter } from './docker-guard.ts'
import { EngineError, type Engine, type Labels } from './port.ts'

/** A Docker Engine over its unix socket. `openFiles`: what a process of a container may have open; absent = what the engine has. */
export function dockerEngine({ socket, openFiles }: { socket: string; openFiles?: number }): Engine {
  const client = new Dockerode({ socketPath: socket })
  return {
    ping: async () => ({ version: (await guard(client.version())).Version }),
    watch: (labels, onChange, signal) => watch(client, labels, onChange, signal),
    ...containers(client, socket, openFiles),
    ...images(client),
    ...surroundings(client),
  }
}

async function watch(client: Dockerode, labels: Labels, onChange: () => void, signal: AbortSignal): Promise<void> {
  const filters = { type: ['container' as const], label: labelFilter(labels) }
  const stream = await guard(client.getEvents({ filters, abortSignal: signal } as { filters: typeof filters }))
  onChange() // what happened before there was a stream was told to nobody
  return new Promise((resolve, reject) => {
    const cut = () => (signal.aborted ? resolve() : reject(new EngineError('unreachable', 'The event stream was cut.')))
    stream.on('data', onChange).on('end', cut).on('error', cut).on('close', cut)
    signal.addEventListener('abort', () => (stream as unknown as { destroy(): void }).destroy(), { once: true })
  })
}
