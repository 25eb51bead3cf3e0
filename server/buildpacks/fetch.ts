import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simpleGit } from 'simple-git'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { parseReference, type Reference } from './reference.ts'

type Git = Extract<Reference, { kind: 'git' }>
/** One buildpack, ready for the build's container: a name of ours, or a tar of the repository's tree. */
export type FetchedBuildpack = { name: string } | { name: string; tar: Buffer }

type Deps = {
  env: Record<string, string>
  /** Of what is fetched, and of the tree. */
  maxBytes: number
  /** Bytes of all files below a folder. */
  sizeOf: (folder: string) => Promise<number>
  clock: Pick<Clock, 'sleep'>
  /** The address to fetch from; rejects for one that no user may have dozen ask. Absent = any. */
  addressOf?: ((host: string) => Promise<string>) | undefined
}
const LOOK_MS = 250
const TIMEOUT_MS = 120_000
const FETCHED = 'refs/dozen/fetched'

/**
 * Brings the buildpacks that an app names. Each git repository is fetched at the commit its ref has now, without history, submodules or
 * hooks; nothing of it runs on the host. Rejects AppError build_failed with git's own words.
 */
export function buildpackFetcher({ env, maxBytes, sizeOf, clock, addressOf }: Deps) {
  /** Settings that have git connect where was looked, whatever the name leads to by then, and nowhere else. */
  async function pinned({ url, isLocal }: Git): Promise<string[]> {
    if (isLocal || !addressOf) return []
    const { protocol, hostname, port } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    const address = await addressOf(host)
    const place = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
    const pin = isIP(host) ? [] : [`http.curloptResolve=${place}:${isIP(address) === 6 ? `[${address}]` : address}`]
    return [...pin, 'http.followRedirects=false', 'http.proxy='].flatMap((setting) => ['-c', setting])
  }

  /** git has no limit of its own for what it fetches. Aborts `over` once the folder holds more. */
  async function watch(folder: string, over: AbortController, done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      await clock.sleep(LOOK_MS, done).catch(() => {})
      if ((await sizeOf(folder).catch(() => 0)) > maxBytes) return over.abort(tooLarge(maxBytes))
    }
  }

  async function fetchOne(git: Git, stopped: AbortSignal): Promise<FetchedBuildpack> {
    const folder = await mkdtemp(join(tmpdir(), 'dozen-buildpack-'))
    const [over, done] = [new AbortController(), new AbortController()]
    const signal = AbortSignal.any([stopped, over.signal])
    const watching = watch(folder, over, done.signal)
    try {
      const settings = await pinned(git)
      const repo = simpleGit({ baseDir: folder, abort: signal, timeout: { block: TIMEOUT_MS } }).env({
        ...env,
        GIT_ALLOW_PROTOCOL: 'https:http:file',
      })
      await repo.raw('init', '--quiet', '--bare', '.')
      await repo
        .raw(
          ...settings,
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
          await repo.raw(...settings, 'fetch', '--quiet', '--no-recurse-submodules', '--', git.url, '+refs/*:refs/all/*') // the ref is a short commit, say
          const found = await repo
            .raw('rev-parse', '--verify', '--quiet', '--end-of-options', `${git.ref}^{commit}`)
            .catch(() => '')
          if (!found) throw cause
          await repo.raw('update-ref', FETCHED, found.trim())
        })
      const commit = (await repo.raw('rev-parse', '--verify', `${FETCHED}^{commit}`)).trim()
      return { name: `${git.url}#${commit}`, tar: await archived({ folder, commit, env, maxBytes }) }
    } catch (cause) {
      stopped.throwIfAborted()
      throw failure(git, over.signal.aborted ? (over.signal.reason as Error) : (cause as Error))
    } finally {
      done.abort()
      await watching
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

const tooLarge = (bytes: number) => new Error(`it is larger than ${bytes} bytes (DOZEN_BUILDPACK_LIMIT)`)

/** The tree as a tar, of at most `maxBytes`; a small repository may stand for an endless one, so it is read no further than that (ABUSE 32). */
async function archived({
  folder,
  commit,
  env,
  maxBytes,
}: Pick<Deps, 'env' | 'maxBytes'> & { folder: string; commit: string }): Promise<Buffer> {
  const args = ['--git-dir', folder, 'archive', '--format=tar', '--worktree-attributes', '--end-of-options', commit]
  const child = spawn('git', args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  ended.catch(() => {}) // awaited below
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(maxBytes) // git's pipe is closed, and git ends
    chunks.push(chunk)
  }
  if ((await ended) !== 0) throw new Error('git archive failed')
  return Buffer.concat(chunks)
}

function failure({ url, ref }: Git, cause: Error): AppError {
  const said = cause.message.split('\n').map((line) => line.replace(/^(fatal|error): /, '').trim()) // prettier-ignore
  const why = said.findLast((line) => line !== '') ?? 'git said nothing'
  const at = ref === undefined ? '' : ` at ${ref}`
  return new AppError('build_failed', `The buildpack ${url}${at} could not be fetched: ${why}. See whether \`git ls-remote ${url}\` answers on the machine of dozen.`, { cause }) // prettier-ignore
}
