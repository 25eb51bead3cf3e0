import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import tar from 'tar-stream'
import { guard, type Client } from './docker-guard.ts'
import { EngineError, type ImageChanges, type Images, type Labels, type Layer } from './port.ts'

type Engine = Pick<Images, 'image' | 'commit'> & { progress: (client: Client, stream: Readable) => Promise<unknown> }

/**
 * An image that is `base` and one layer more, loaded as an archive that holds just that layer: the engine reads the tree once. An engine
 * that wants every layer in the archive gets a container of `base`, the tree unpacked in it, and a commit instead.
 */
export async function addLayer(
  client: Client,
  engine: Engine,
  base: string,
  layer: Layer,
  changes: ImageChanges,
): Promise<string> {
  try {
    return await loadLayer(client, engine, base, layer, changes)
  } catch (cause) {
    if (cause instanceof EngineError && (cause.code === 'unreachable' || cause.code === 'no_space')) throw cause
    await layer.sha256 // rejects for a tree that broke off, which no other way can take either
    return commitLayer(client, engine, base, layer, changes)
  }
}

/** The way of `docker load` (image spec v1.2): the layer that the engine does not have yet, manifest.json, and the image's own JSON. */
export async function loadLayer(
  client: Client,
  engine: Engine,
  base: string,
  layer: Layer,
  changes: ImageChanges,
): Promise<string> {
  const sending = upload(client, engine)
  try {
    const info = await guard(client.getImage(base).inspect())
    const former = info.RootFS.Layers ?? []
    await sending.layer(layer.coming, await layer.bytes)
    const config = {
      ...platformOf(info),
      created: layer.createdAt.toISOString(),
      config: {
        ...info.Config,
        ...configOf(changes),
        Env: [...withoutKeys(info.Config.Env, changes.env ?? {}), ...envOf(changes.env)],
      },
      rootfs: { type: 'layers', diff_ids: [...former, `sha256:${await layer.sha256}`] },
      history: [...former.map(() => ({ created_by: 'stack' })), { created_by: 'dozen build' }],
    }
    return await sending.end(config, [...former.map(pathOf), OWN_LAYER])
  } catch (cause) {
    sending.abort()
    throw cause
  } finally {
    layer.coming.destroy() // nobody waits for a reader that is not there any more
  }
}

/** The same layers with other settings, without a layer of its own; by a container and a commit where the engine wants every layer. */
export async function derive(
  client: Client,
  engine: Engine,
  base: string,
  changes: { labels: Labels; hidden?: readonly string[] },
) {
  const info = await guard(client.getImage(base).inspect())
  const former = info.RootFS.Layers ?? []
  const config = {
    ...platformOf(info),
    created: info.Created,
    config: { ...info.Config, Labels: { ...info.Config.Labels, ...changes.labels } },
    rootfs: { type: 'layers', diff_ids: former },
    history: cleanHistory((await guard(client.getImage(base).history())) as Entry[], former.length, changes.hidden ?? []),
  }
  const sending = upload(client, engine)
  try {
    return await sending.end(config, former.map(pathOf))
  } catch (cause) {
    sending.abort()
    if (cause instanceof EngineError && (cause.code === 'unreachable' || cause.code === 'no_space')) throw cause
    return commitLayer(client, engine, base, undefined, { labels: config.config.Labels })
  }
}

type Entry = { CreatedBy: string; Created: number; Size: number }
/** What leaves no layer behind (image spec, `empty_layer`). */
const EMPTY =
  /^(?:\/bin\/sh -c #\(nop\)\s+)?(ENV|CMD|ENTRYPOINT|LABEL|EXPOSE|ARG|USER|VOLUME|STOPSIGNAL|HEALTHCHECK|ONBUILD|SHELL|MAINTAINER)\b/i

/** Oldest first, as an image's JSON has it. One plain entry per layer when the engine's list cannot be told apart. */
export function cleanHistory(newestFirst: readonly Entry[], layers: number, hidden: readonly string[]) {
  const clean = (text: string) => hidden.reduce((all, secret) => all.replaceAll(secret, '[redacted]'), text)
  const entries = newestFirst.toReversed().map(({ CreatedBy, Created }) => ({
    created: new Date(Created * 1000).toISOString(),
    created_by: clean(CreatedBy),
    ...(EMPTY.test(CreatedBy) && { empty_layer: true }),
  }))
  if (entries.filter((entry) => !entry.empty_layer).length === layers) return entries
  return Array.from({ length: layers }, () => ({ created_by: 'layer' }))
}

const platformOf = ({ Architecture, Os }: { Architecture: string; Os: string }) => ({ architecture: Architecture, os: Os })

const OWN_LAYER = 'layer.tar'
const pathOf = (diffId: string) => `${diffId.replace('sha256:', '')}/layer.tar`

/**
 * An archive on its way into the engine, begun at once with an entry that says nothing: the engine starts a program of its own to unpack what comes,
 * which takes as long as a small tree.
 */
function upload(client: Client, engine: Engine) {
  const archive = tar.pack()
  const given = new AbortController()
  archive.entry({ name: 'dozen', type: 'directory' })
  const options = { quiet: '1', abortSignal: given.signal }
  const answered = guard(client.loadImage(archive as never, options)).then((stream) =>
    engine.progress(client, stream as Readable),
  )
  answered.catch(() => {}) // awaited below
  return {
    async layer(tree: Readable, bytes: number) {
      const sent = pipeline(tree, archive.entry({ name: OWN_LAYER, size: bytes }))
      sent.catch(() => {})
      await Promise.race([sent, answered.then(() => sent)]) // an engine that refuses reads no further
    },
    /** Resolves with the image's id once the engine has it. */
    async end(config: object, layers: readonly string[]): Promise<string> {
      const json = JSON.stringify(config)
      const id = createHash('sha256').update(json).digest('hex')
      archive.entry({ name: `${id}.json` }, json)
      archive.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: `${id}.json`, RepoTags: null, Layers: layers }]))
      archive.finalize()
      await answered
      if (!(await engine.image(`sha256:${id}`))) throw new EngineError('other', 'The engine took an image but does not have it.')
      return `sha256:${id}`
    },
    abort() {
      given.abort()
      archive.destroy()
    },
  }
}

export async function commitLayer(
  client: Client,
  engine: Engine,
  base: string,
  layer: Layer | undefined,
  changes: ImageChanges,
): Promise<string> {
  const options = { Image: base, Entrypoint: [], Cmd: ['-'], Labels: { ...changes.labels, 'dozen.role': 'build' }, HostConfig: { NetworkMode: 'none' } } // prettier-ignore
  const container = await guard(client.createContainer(options))
  try {
    if (layer) await guard(container.putArchive(layer.open(), { path: '/' }))
    return await engine.commit(container.id, changes)
  } finally {
    await guard(container.remove({ force: true, v: true }), { fine: [404, 409] })
  }
}

/** As the engine's API spells it. */
export function configOf({ labels, cmd, entrypoint, env, workingDir, user }: ImageChanges) {
  return {
    Labels: { ...labels },
    ...(cmd && { Cmd: [...cmd] }),
    ...(entrypoint && { Entrypoint: [...entrypoint] }),
    ...(env && { Env: envOf(env) }),
    ...(workingDir && { WorkingDir: workingDir }),
    ...(user && { User: user }),
  }
}

const envOf = (env: ImageChanges['env'] = {}) => Object.entries(env).map(([key, value]) => `${key}=${value}`)
const withoutKeys = (env: readonly string[] | null, replaced: object) =>
  (env ?? []).filter((pair) => !(pair.slice(0, pair.indexOf('=')) in replaced))
