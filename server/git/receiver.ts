import { rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import type { Caller } from '../accounts/accounts.ts'
import type { App } from '../apps/app.ts'
import { AppError } from '../errors.ts'
import type { Ids } from '../ids.ts'
import { parseHello, type RefUpdate } from './protocol.ts'

const MAX_HELLO_BYTES = 256 * 1024
const BRANCHES = ['refs/heads/main', 'refs/heads/master']

type Push = { app: App; caller: Caller; gone: AbortSignal }
type Deps = {
  socketPath: string
  ids: Ids
  deploy: (
    push: Push,
    source: { tar: Readable; commit: string },
    io: { signal: AbortSignal; log: (line: string) => void },
  ) => Promise<unknown>
  onError: (what: string, cause: unknown) => void
}

/** The controller's end of the pre-receive hook: decides what a push means, deploys it, and answers with the verdict. */
export function receiver({ socketPath, ids, deploy, onError }: Deps) {
  const pushes = new Map<string, Push>()

  async function serve(socket: Socket) {
    const say = (answer: string) => void (socket.writable && socket.write(`${answer}\n`))
    const log = (line: string) => say(`line ${shown(line)}`)
    const { push: secret, updates, rest } = await hello(socket)
    const push = pushes.get(secret)
    if (!push) throw new Error('a hook came with an unknown push')
    const { commit, refusal } = wanted(updates)
    if (commit === undefined) {
      for (const line of refusal) log(` !     ${line}`)
      return say('no')
    }
    say(`send ${commit}`)
    const tar = new PassThrough()
    tar.write(rest)
    socket.pipe(tar)
    const verdict = await deploy(push, { tar, commit }, { signal: push.gone, log }).then(
      () => true,
      (cause: unknown) => {
        if (!(cause instanceof AppError)) onError(`a push to ${push.app.name}`, cause)
        const message = cause instanceof AppError ? cause.message : 'Internal error: see the log of dozen.'
        for (const line of message.split('\n')) log(` !     ${line}`)
        return false
      },
    )
    tar.resume()
    say(verdict ? 'ok' : 'no')
  }

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    serve(socket)
      .catch((cause: unknown) => onError('a push', cause))
      .finally(() => socket.end(() => socket.destroy())) // a tree that nobody wants any more stops coming
  })

  return {
    announce(push: Push) {
      const secret = ids.secret()
      pushes.set(secret, push)
      return { env: { DOZEN_PUSH: secret, DOZEN_GIT_SOCKET: socketPath }, end: () => void pushes.delete(secret) }
    },
    start() {
      rmSync(socketPath, { force: true })
      return new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve))
    },
    close: () => void server.close(),
  }
}

/** The commit to deploy, or why not. One branch, main or master; nothing else rides along. */
function wanted(updates: readonly RefUpdate[]): { commit: string | undefined; refusal: string[] } {
  const refuse = (...refusal: string[]) => ({ commit: undefined, refusal })
  const deployed = updates.filter((update) => BRANCHES.includes(update.ref))
  const other = updates.find((update) => !BRANCHES.includes(update.ref))
  const [update] = deployed
  if (other) {
    const name = other.ref.replace(/^refs\/(heads|tags)\//, '')
    return refuse(
      `Only main (or master) is deployed, not ${name}: nothing was changed.`,
      `To deploy that branch: git push dozen ${name}:main`,
    )
  }
  if (!update || deployed.length > 1) return refuse('Push one branch: either main or master.')
  if (/^0+$/.test(update.new)) return refuse('The deployed branch cannot be deleted. `dozen destroy` removes the app.')
  if (!/^[0-9a-f]{40,64}$/.test(update.new)) return refuse('The pushed commit id is not one.')
  return { commit: update.new, refusal: [] }
}

/** The hook's hello, and what came after it. */
function hello(socket: Socket): Promise<NonNullable<ReturnType<typeof parseHello>>> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0)
    const done = (end: () => void) => {
      socket.off('data', read)
      socket.pause()
      end()
    }
    const read = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      try {
        const found = parseHello(seen)
        if (found) done(() => resolve(found))
        else if (seen.length > MAX_HELLO_BYTES) done(() => reject(new AppError('too_large', 'Too many refs in one push.')))
      } catch (cause) {
        done(() => reject(cause as Error))
      }
    }
    socket.on('data', read)
    socket.once('close', () => reject(new Error('the hook went away')))
  })
}

/** Colours stay; anything else that could move a terminal's cursor or title, or end the line, does not (CVE-2024-52005). */
const shown = (line: string) =>
  line
    .replaceAll('\n', ' ')
    .replace(/\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (match) => (match.startsWith('\x1b[') ? match : ''))
