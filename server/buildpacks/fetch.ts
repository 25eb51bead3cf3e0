import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simpleGit } from 'simple-git'
import { AppError } from '../errors.ts'
import { parseReference, type Reference } from './reference.ts'

type Git = Extract<Reference, { kind: 'git' }>
/** One buildpack, ready for the build's container: a name of ours, or a tar of the repository's tree. */
export type FetchedBuildpack = { name: string } | { name: string; tar: Buffer }

const MAX_BYTES = 64 * 1024 ** 2
const TIMEOUT_MS = 120_000
const FETCHED = 'refs/dozen/fetched'

/**
 * Brings the buildpacks that an app names. Each git repository is fetched at the commit its ref has now, without history, submodules or
 * hooks; nothing of it runs on the host. Rejects AppError build_failed with git's own words.
 */
export function buildpackFetcher({ env }: { env: Record<string, string> }) {
  async function fetchOne(git: Git, signal: AbortSignal): Promise<FetchedBuildpack> {
    const folder = await mkdtemp(join(tmpdir(), 'dozen-buildpack-'))
    try {
      const repo = simpleGit({ baseDir: folder, abort: signal, timeout: { block: TIMEOUT_MS } }).env({
        ...env,
        GIT_ALLOW_PROTOCOL: 'https:http:file',
      })
      await repo.raw('init', '--quiet', '--bare', '.')
      await repo
        .raw(
          'fetch',
          '--quiet',
          '--depth=1',
          '--no-tags',
          '--no-recurse-submodules',
          '--',
          git.url,
          `+${git.ref ?? 'HEAD'}:${FETCHED}`,
        )
        .catch(async (cause: unknown) => {
          if (git.ref === undefined || signal.aborted) throw cause
          await repo.raw('fetch', '--quiet', '--no-recurse-submodules', '--', git.url, '+refs/*:refs/all/*') // the ref is a short commit, say
          const found = await repo
            .raw('rev-parse', '--verify', '--quiet', '--end-of-options', `${git.ref}^{commit}`)
            .catch(() => '')
          if (!found) throw cause
          await repo.raw('update-ref', FETCHED, found.trim())
        })
      const commit = (await repo.raw('rev-parse', '--verify', `${FETCHED}^{commit}`)).trim()
      const file = join(folder, 'tree.tar')
      await repo.raw('archive', '--format=tar', `--output=${file}`, commit)
      if ((await stat(file)).size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 ** 2} MiB`)
      return { name: `${git.url}#${commit}`, tar: await readFile(file) }
    } catch (cause) {
      signal.throwIfAborted()
      throw failure(git, cause as Error)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  return (references: readonly string[], signal: AbortSignal): Promise<FetchedBuildpack[]> =>
    Promise.all(
      references.map(async (text) => {
        const reference = parseReference(text)
        return reference.kind === 'ours' ? { name: reference.name } : fetchOne(reference, signal)
      }),
    )
}

function failure({ url, ref }: Git, cause: Error): AppError {
  const said = cause.message.split('\n').map((line) => line.replace(/^(fatal|error): /, '').trim()) // prettier-ignore
  const why = said.findLast((line) => line !== '') ?? 'git said nothing'
  const at = ref === undefined ? '' : ` at ${ref}`
  return new AppError('build_failed', `The buildpack ${url}${at} could not be fetched: ${why}. See whether \`git ls-remote ${url}\` answers on the machine of dozen.`, { cause }) // prettier-ignore
}
