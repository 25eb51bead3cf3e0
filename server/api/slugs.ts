import type { App } from '../apps/app.ts'
import { procfileOf, slugTree } from '../builds/slug.ts'
import type { Clock } from '../clock.ts'
import { invalid } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Release } from '../releases/release.ts'
import { stackId } from './serialize.ts'
import type { Sources } from './sources.ts'
import type { UseCases, User } from './use-cases.ts'

const KEPT_MS = 3_600_000
const TEXTS = ['buildpack_provided_description', 'checksum', 'commit', 'commit_description'] as const

type Slug = {
  id: string
  app: App
  secret: string
  processTypes: Record<string, string>
  procfile: string
  texts: Record<(typeof TEXTS)[number], string | null>
  at: Date
}

type Deps = { sources: Sources; deploys: UseCases['deploys']; clock: Clock; ids: Ids }

/** Slugs that were compiled elsewhere, from POST /apps/:app/slugs to their release: for an hour, and while the controller lives. Once released they go by their builds. */
export function slugs({ sources, deploys, clock, ids }: Deps) {
  const known = new Map<string, Slug>()
  function expire() {
    for (const [id, { at }] of known) if (clock.now().getTime() - at.getTime() > KEPT_MS) known.delete(id)
  }

  async function check(secret: string, checksum: string) {
    const found = await sources.sha256(secret)
    if (checksum.toLowerCase() !== `sha256:${found}`)
      throw invalid(`What was uploaded is not what the checksum says: it has SHA256:${found}. Upload it again.`)
  }

  return {
    /** Throws invalid_params for what is no process types; rate_limit as sources do, which bounds how many there are. */
    create(app: App, user: User, body: Readonly<Record<string, unknown>>): Slug {
      const processTypes = (body['process_types'] ?? {}) as Record<string, string>
      if (typeof processTypes !== 'object' || Array.isArray(processTypes))
        throw invalid('process_types should be like {"web":"./server"}.')
      const procfile = procfileOf(processTypes)
      const texts = Object.fromEntries(TEXTS.map((key) => [key, checkedText(key, body[key])])) as Slug['texts']
      if (texts.checksum !== null && !/^sha256:[0-9a-f]{64}$/i.test(texts.checksum))
        throw invalid('checksum should be "SHA256:" and the 64 hexadecimal digits of the archive as it will be uploaded.')
      const slug = {
        id: ids.uuid(),
        app,
        secret: sources.create(user.id).secret,
        processTypes: { ...processTypes },
        procfile,
        texts,
        at: clock.now(),
      }
      known.set(slug.id, slug)
      expire()
      return slug
    },
    find(app: App, id: string): Slug | undefined {
      expire()
      const slug = known.get(id)
      return slug?.app.id === app.id ? slug : undefined
    },
    /** Makes the slug's image and releases it; resolves once that serves. Rejects AppError with the reason. */
    async release({ id, app, secret, procfile, texts }: Slug, user: User, description: string | undefined): Promise<Release> {
      if (texts.checksum !== null) await check(secret, texts.checksum)
      const tar = sources.open(secret)
      known.delete(id) // from here on it goes by its build
      const commit = texts.commit ?? ''
      const source = { tar: slugTree(tar, procfile), isUpload: true, isSlug: true, commit, buildId: id }
      try {
        const named = { ...source, description: description ?? `Deploy ${(texts.commit ?? id).slice(0, 8)}` }
        return await deploys.deploy(app, user, named, { signal: new AbortController().signal, log: () => {} })
      } finally {
        tar.destroy()
      }
    },
    show: ({ id, app, secret, processTypes, texts, at }: Slug, apiUrl: string) => ({
      id,
      blob: { method: 'PUT', url: `${apiUrl}/sources/${secret}` },
      ...texts,
      process_types: processTypes,
      size: null,
      stack: { id: stackId(app.stack), name: app.stack },
      created_at: at.toISOString(),
      updated_at: at.toISOString(),
      deleted_at: null,
    }),
  }
}
export type Slugs = ReturnType<typeof slugs>

function checkedText(key: string, value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string' || value.length > 500) throw invalid(`${key} should be a text of at most 500 characters.`)
  return value
}
