import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import type { ImageInspectInfo } from 'dockerode'
import { decodeTrace, traceText } from './buildkit-trace.ts'
import { guard, labelFilter, type Client } from './docker-guard.ts'
import { addLayer, configOf, derive } from './docker-layers.ts'
import { EngineError, type BuildOptions, type Image, type ImageChanges, type Images } from './port.ts'

export function images(client: Client): Images {
  async function image(ref: string): Promise<Image | undefined> {
    const info = await guard(client.getImage(ref).inspect(), { fine: [404] })
    return info && fromInspect(info)
  }
  const made: Images = {
    image,
    async images(labels) {
      const found = await guard(client.listImages({ filters: { label: labelFilter(labels) } }))
      return (await Promise.all(found.map((info) => image(info.Id)))).filter((one) => one !== undefined)
    },
    async commit(containerId, changes) {
      const options = { _query: { container: containerId, pause: false }, _body: configOf(changes) }
      const made = await guard(client.getContainer(containerId).commit(options as object) as Promise<{ Id: string }>)
      return made.Id
    },
    addLayer: (base, layer, changes) =>
      addLayer(client, { ...made, progress: (...all) => progress(...all, () => {}) }, base, layer, changes),
    derive: (base, changes) => derive(client, { ...made, progress: (...all) => progress(...all, () => {}) }, base, changes),
    build: (context, options) => build(client, context, options),
    async importImage(tar, { tag, ...changes }) {
      const [repo = '', version = ''] = tag?.split(':') ?? []
      const options = { fromSrc: '-', repo, tag: version, changes: changeLines(changes) }
      const stream = await guard(client.importImage(tar as never, options as never) as unknown as Promise<Readable>)
      const events = await progress(client, stream, () => {})
      const id = events.map((event) => event.status).findLast((status) => status?.startsWith('sha256:'))
      if (!id) throw new EngineError('other', 'The engine imported an image but did not say which.')
      return id
    },
    async pull(ref, { onOutput, signal }) {
      const stream = (await guard(client.pull(ref, signal ? { abortSignal: signal } : {}) as Promise<unknown>)) as Readable
      await progress(client, stream, (event) => event.status && onOutput?.(event.status))
    },
    saveImages: (ids) => saveImages(client, ids),
    async loadImages(tar) {
      const stream = (await guard(client.loadImage(tar as never) as unknown as Promise<unknown>)) as Readable
      await progress(client, stream, () => {})
    },
    async tag(id, ref) {
      const [repo = ref, tag = 'latest'] = ref.split(':')
      await guard(client.getImage(id).tag({ repo, tag }))
    },
    async removeImage(id) {
      await guard(client.getImage(id).remove({ force: false }), { fine: [404] })
    },
  }
  return made
}

type Dial = (options: object, done: (cause: Error | null, answer: Readable) => void) => void

/** The client library knows how to save one image; many at once share their layers. It cuts the last letter off a path with a query. */
function saveImages(client: Client, ids: readonly string[]): Promise<Readable> {
  const { dial } = client.modem as unknown as { dial: Dial }
  const path = `/images/get?${ids.map((id) => `names=${encodeURIComponent(id)}`).join('&')}?`
  const options = { path, method: 'GET', isStream: true, statusCodes: { 200: true, 404: 'no such image', 500: 'server error' } }
  const call = new Promise<Readable>((resolve, reject) =>
    dial.call(client.modem, options, (cause, answer) => (cause ? reject(cause) : resolve(answer))),
  )
  return guard(call)
}

function fromInspect(info: ImageInspectInfo): Image {
  const { Config } = info
  const ports = Object.keys(Config.ExposedPorts ?? {}).filter((port) => !port.endsWith('/udp'))
  const asList = (value: string | string[] | null | undefined) => (value ? [value].flat() : [])
  const stopSignal = (Config as { StopSignal?: string }).StopSignal
  return {
    id: info.Id,
    tags: info.RepoTags ?? [],
    labels: Config.Labels ?? {},
    createdAt: new Date(info.Created),
    sizeBytes: info.Size,
    cmd: asList(Config.Cmd),
    entrypoint: asList(Config.Entrypoint),
    ports: ports.map((port) => Number.parseInt(port, 10)).sort((a, b) => a - b),
    workingDir: Config.WorkingDir ?? '',
    user: Config.User ?? '',
    ...(stopSignal && { stopSignal }),
  }
}

/** Dockerfile instructions with JSON-quoted values: no value can end its line or start another instruction. */
function changeLines({ labels, cmd, entrypoint, env, workingDir, user }: ImageChanges): string[] {
  const quoted = (text: string) => JSON.stringify(text).replaceAll('$', '\\$')
  return [
    ...Object.entries(labels).map(([key, value]) => `LABEL ${quoted(key)}=${quoted(value)}`),
    ...Object.entries(env ?? {}).map(([key, value]) => `ENV ${key}=${quoted(value)}`),
    ...(cmd ? [`CMD ${JSON.stringify(cmd)}`] : []),
    ...(entrypoint ? [`ENTRYPOINT ${JSON.stringify(entrypoint)}`] : []),
    ...(workingDir ? [`WORKDIR ${workingDir}`] : []),
    ...(user ? [`USER ${user}`] : []),
  ]
}

async function build(client: Client, context: Readable, options: BuildOptions): Promise<string> {
  const { dockerfile, target, args, labels, tag, onOutput, signal } = options
  const request = {
    version: '2' as const, // BuildKit
    buildargs: { ...args },
    labels: { ...labels },
    ...(dockerfile && { dockerfile }),
    ...(target && { target }),
    ...(tag && { t: tag }),
    ...(signal && { abortSignal: signal }),
  }
  const stream = await guard(client.buildImage(context, request as object) as Promise<unknown> as Promise<Readable>)
  let id = ''
  const lastLines: string[] = []
  const tell = traceText((text) => {
    lastLines.splice(0, lastLines.length - 19, text.trimEnd())
    onOutput(text)
  })
  await followed(stream, (event) => {
    if (event.id === 'moby.buildkit.trace' && typeof event.aux === 'string') tell(decodeTrace(event.aux))
    else if (event.id === 'moby.image.id') id = (event.aux as { ID?: string }).ID ?? ''
    else if (event.error) throw new EngineError(/no space left/i.test(event.error) ? 'no_space' : 'build_failed', event.error)
  })
  if (!id) throw new EngineError('build_failed', lastLines.join('\n') || 'The build ended without an image.')
  return id
}

type BuildEvent = { id?: string; aux?: unknown; error?: string }

/** The engine's answer, one JSON event a line. Rejects with what `onEvent` throws. */
async function followed(stream: Readable, onEvent: (event: BuildEvent) => void): Promise<void> {
  stream.on('error', () => {}) // also after an early end, when nobody iterates any more
  try {
    for await (const line of linesOf(stream)) onEvent(JSON.parse(line) as BuildEvent)
  } catch (cause) {
    if (cause instanceof EngineError) throw cause
    throw new EngineError('build_failed', (cause as Error).message, { cause })
  }
}

async function* linesOf(stream: Readable): AsyncIterable<string> {
  const decoder = new StringDecoder()
  let rest = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop()!
    yield* lines.filter((line) => line.trim() !== '')
  }
}

type Progress = { stream?: string; status?: string; error?: string }
/** Which its type package does not know. */
type Following = {
  followProgress(
    stream: Readable,
    done: (cause: Error | null, events: Progress[]) => void,
    onEvent: (event: Progress) => void,
  ): void
}

/** The engine answers 200 and reports failures inside the stream: an `error` event rejects. */
export function progress(client: Client, stream: Readable, onEvent: (event: Progress) => void): Promise<Progress[]> {
  return new Promise((resolve, reject) => {
    const done = (cause: Error | null, events: Progress[]) => {
      const failure = events?.find((event) => event.error)?.error ?? cause?.message
      if (failure) reject(new EngineError(/no space left/i.test(failure) ? 'no_space' : 'other', failure, { cause }))
      else resolve(events)
    }
    ;(client as unknown as Following).followProgress(stream, done, onEvent)
  })
}
