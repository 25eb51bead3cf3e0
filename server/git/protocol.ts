/**
 * What the pre-receive hook and the controller say to each other over `$DOZEN_HOME/git.sock`: lines of text, and one tar in between. Text, so that
 * the hook can be a few lines of Perl (script.ts).
 *
 * Hook → controller: "push SECRET COUNT", COUNT lines "OLD NEW REF" as git gives them, and after a "send" the tree as a tar.
 * Controller → hook: "send COMMIT", "line TEXT" for the pusher, and at last the verdict, "ok" or "no".
 */
export type RefUpdate = { old: string; new: string; ref: string }

export const helloText = (push: string, updates: readonly string[]) =>
  `push ${push} ${updates.length}\n${updates.map((update) => `${update}\n`).join('')}`

/** The hello once it is there in full, with the bytes after it. Throws Error for anything else. */
export function parseHello(seen: Buffer): { push: string; updates: RefUpdate[]; rest: Buffer } | undefined {
  const first = seen.indexOf(0x0a)
  if (first < 0) return undefined
  const [, push, count] = /^push ([A-Za-z0-9]+) (\d{1,6})$/.exec(seen.toString('latin1', 0, first)) ?? []
  if (push === undefined) throw new Error('a hook said something else than hello')
  let end = first
  for (let line = 0; line < Number(count); line++) {
    end = seen.indexOf(0x0a, end + 1)
    if (end < 0) return undefined
  }
  const lines = seen.toString('utf8', first + 1, Math.max(end, first + 1)).split('\n').slice(0, Number(count)) // prettier-ignore
  return { push, updates: lines.map(update), rest: seen.subarray(end + 1) }
}

function update(line: string): RefUpdate {
  const [old = '', fresh = '', ref = ''] = line.split(' ')
  return { old, new: fresh, ref }
}
