import type { Readable } from 'node:stream'
import { LABEL } from '../engine/labels.ts'
import { EngineError, type Engine } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import type { BuildInput, Io } from './built.ts'
import { ignoring } from './dockerignore.ts'
import { lines } from './output.ts'
import { declaredArgs, type Way } from './source.ts'
import { withoutFiles, type Source } from './spool.ts'

type Deps = { engine: Engine; instance: string }

/** Source → image by BuildKit. Config vars reach the build only as the ARGs that the Dockerfile declares. */
export function dockerfileBuild({ engine, instance }: Deps) {
  async function run(
    input: BuildInput,
    source: Source,
    way: Way & { by: 'dockerfile' },
    io: Io,
  ): Promise<{ image: string; port: number | null }> {
    // prettier-ignore
    const text = source.files.get(way.dockerfile)
    if (text === undefined) throw new AppError('build_failed', `There is no file ${way.dockerfile} in the source. Add it, or name another one in heroku.yml.`) // prettier-ignore
    const declared = declaredArgs(text)
    const values = { ...input.config, ...way.args, SOURCE_VERSION: input.commit }
    const args = Object.fromEntries(Object.entries(values).filter(([name]) => declared.has(name)))
    const out = lines(io.log)
    const image = await engine
      .build(context(source, way.dockerfile), {
        dockerfile: way.dockerfile,
        ...(way.target && { target: way.target }),
        args,
        labels: { [LABEL.instance]: instance, [LABEL.app]: input.appId, [LABEL.role]: 'image' },
        onOutput: out.add,
        signal: io.signal,
      })
      .catch(explained)
    out.end()
    const described = await engine.image(image)
    return { image, port: described?.ports[0] ?? null }
  }
  return { run }
}

/** The tar that BuildKit gets. It applies .dockerignore only to folders that it reads itself, so we do; the Dockerfile always goes along. */
function context(source: Source, dockerfile: string): Readable {
  const rules = source.files.get(`${dockerfile}.dockerignore`) ?? source.files.get('.dockerignore')
  if (rules === undefined) return source.open()
  const isIgnored = ignoring(rules)
  return withoutFiles(source.open(), (name) => name !== dockerfile && name !== '.dockerignore' && isIgnored(name))
}

function explained(cause: unknown): never {
  if (cause instanceof EngineError && cause.code === 'build_failed') {
    const last = cause.message.trim().split('\n').at(-1)
    throw new AppError('build_failed', `The Dockerfile build failed: ${last}. The lines above show the step; \`docker build .\` in your folder repeats it.`, { cause }) // prettier-ignore
  }
  throw cause
}
