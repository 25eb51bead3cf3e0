import { createHmac } from 'node:crypto'
import { LABEL } from '../engine/labels.ts'
import { EngineError, type Engine, type Image } from '../engine/port.ts'
import { AppError, invalid } from '../errors.ts'
import type { BuildInput, Built, Io } from './built.ts'

type Deps = { engine: Engine; instance: string; inputsKey: Buffer }

const PATH =
  /^(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/

/**
 * An image reference (distribution spec: `host:5000/team/app:v2`, `nginx`, `name@sha256:…`), with `:latest` where it names neither. Throws
 * invalid_params; a bare id is no reference, since it might be another app's.
 */
export function parseImage(text: string): string {
  const [name = '', digest, ...more] = text.split('@')
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  const path = hasTag ? name.slice(0, colon) : name
  const isFine = text.length <= 255 && more.length === 0 && PATH.test(path) && !/^(sha256|[0-9a-f]{64})$/.test(path)
  if (!isFine || (hasTag && !TAG.test(name.slice(colon + 1))) || (digest !== undefined && !DIGEST.test(digest)))
    throw invalid(
      `${JSON.stringify(text.slice(0, 100))} is no image reference: give one such as nginx:1.27 or host:5000/team/app:v2.`,
    )
  return hasTag || digest !== undefined ? text : `${text}:latest`
}

/** A ready image as an app's source: pulled unless it is on the engine, and kept under the app's labels, so that it stays when its tag goes. */
export function imageSource({ engine, instance, inputsKey }: Deps) {
  async function found(ref: string, io: Io): Promise<Image> {
    const local = await engine.image(ref)
    io.log(local ? `-----> Using the image ${ref} of this machine` : `-----> Pulling ${ref}`)
    if (local) return local
    await engine.pull(ref, { signal: io.signal }).catch((cause: unknown) => {
      io.signal.throwIfAborted()
      if (!(cause instanceof EngineError)) throw cause
      throw new AppError('build_failed', `The image ${ref} is not on this machine and could not be pulled: ${cause.message}. Build or pull it here (docker pull ${ref}), or mend its name.`, { cause }) // prettier-ignore
    })
    return (await engine.image(ref))!
  }

  return async function adopt(input: BuildInput, ref: string, io: Io): Promise<Built> {
    const image = await found(ref, io)
    const owner = image.labels[LABEL.app]
    if (owner !== undefined && owner !== input.appId)
      throw new AppError('build_failed', `The image ${ref} belongs to another app. Use \`dozen pipelines:promote\` to run what one app has built as another.`) // prettier-ignore
    const labels = { [LABEL.instance]: instance, [LABEL.app]: input.appId, [LABEL.role]: 'image' }
    const kept = await engine.derive(image.id, { labels })
    io.log(`       ${image.id.slice(0, 19)}, ${Math.round(image.sizeBytes / 1e6)} MB`)
    return {
      image: kept,
      images: {},
      imageKind: 'dockerfile',
      port: image.ports[0] ?? null,
      processTypes: { web: '' },
      stackImage: image.id,
      runImage: image.id,
      buildpacks: [],
      inputs: createHmac('sha256', inputsKey).update(`image ${image.id}`).digest('hex'),
      isReused: false,
      sizeBytes: image.sizeBytes,
      durations: { source: 0, build: 0, image: 0 },
    }
  }
}
