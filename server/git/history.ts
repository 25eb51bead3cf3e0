import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Commits } from '../api/wire.ts'
import { gitEnvironment } from './repos.ts'

const run = promisify(execFile)
const ID = /^[0-9a-f]{40}([0-9a-f]{24})?$/
/** Commits each way, and characters of a title. */
const MOST = 50
const MAX_TITLE = 200
const LIMIT_MS = 10_000

/** Reads what lies between two commits. What a repository does not have (any more) is no history: both lists are empty then. */
export function history({ pathOf, path }: { pathOf: (appId: string) => string; path: string | undefined }) {
  async function only(repo: string, inThis: string, notInThat: string): Promise<Commits['added']> {
    const settings = ['-c', `safe.directory=${repo}`, '--git-dir', repo]
    const args = [...settings, 'log', '--format=%H %s', '-n', String(MOST), '--end-of-options', `${notInThat}..${inThis}`, '--']
    const { stdout } = await run('git', args, { env: gitEnvironment(path), timeout: LIMIT_MS, maxBuffer: 2 ** 24 })
    return stdout.split('\n').filter(Boolean).map((line) => ({ id: line.split(' ', 1)[0]!, title: line.slice(line.indexOf(' ') + 1, MAX_TITLE + 65) })) // prettier-ignore
  }

  return {
    async between(appId: string, from: string | null, to: string | null): Promise<Commits> {
      if (from === to || !ID.test(from ?? '') || !ID.test(to ?? '')) return { added: [], removed: [] }
      const repo = pathOf(appId)
      const both = [only(repo, to!, from!), only(repo, from!, to!)] as const
      const [added, removed] = await Promise.all(both).catch(() => [[], []])
      return { added, removed }
    },
  }
}
