/** What the pre-receive hook and the controller say to each other over `$DOZEN_HOME/git.sock`: JSON lines, and one tar in between. */

/** Hook → controller, first line. `push` names app and caller; it was made for this one push. */
export type HookHello = { push: string; updates: RefUpdate[] }
export type RefUpdate = { old: string; new: string; ref: string }

/** Controller → hook: "send the tree of this commit", or lines for the pusher, or the verdict. */
export type HookAnswer = { send: string } | { line: string } | { ok: boolean }
