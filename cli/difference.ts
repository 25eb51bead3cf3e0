import { git } from './git.ts'

export type Change = { key: string; before: string | null; after: string | null }

type Values = Readonly<Record<string, string | null | undefined>>

/** Keys whose values differ, in alphabetical order; null stands for absent. */
export function changes(before: Values = {}, after: Values = {}): Change[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const pairs = keys.map((key) => ({ key, before: before[key] ?? null, after: after[key] ?? null }))
  return pairs.filter((pair) => pair.before !== pair.after)
}

const MASK = '[redacted]'

/** Says whether a value was there, not what it was. */
export const masked = ({ key, before, after }: Change): Change => ({
  key,
  before: before === null ? null : MASK,
  after: after === null ? null : MASK,
})

const COMMIT = /^[0-9a-f]{7,64}$/

/** One line each, at most 20, where the repository of `cwd` has them. */
export async function commitsBetween(cwd: string, code: readonly Change[]): Promise<string[]> {
  const { before, after } = code.find(({ key }) => key === 'commit') ?? {}
  if (!COMMIT.test(before ?? '') || !COMMIT.test(after ?? '')) return []
  const log = await git(cwd, 'log', '--oneline', '--no-decorate', '-n', '20', `${before}..${after}`)
  return log?.split('\n').filter(Boolean) ?? []
}
