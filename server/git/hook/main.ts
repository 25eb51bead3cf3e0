import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { HookAnswer, HookHello } from '../protocol.ts'

/**
 * git's pre-receive hook: tells the controller what was pushed, sends it the tree (whose objects only git's own environment shows before they are
 * accepted), prints what it answers, and ends with its verdict.
 */
async function main(): Promise<number> {
  const lines = (await text(process.stdin)).trim().split('\n')
  const updates = lines.map((line) => line.split(' ')).map(([old = '', fresh = '', ref = '']) => ({ old, new: fresh, ref }))
  const socket = connect({ path: process.env['DOZEN_GIT_SOCKET']!, allowHalfOpen: true })
  socket.on('error', () => {}) // no verdict will come: said below
  socket.write(`${JSON.stringify({ push: process.env['DOZEN_PUSH']!, updates } satisfies HookHello)}\n`)
  for await (const line of createInterface({ input: socket })) {
    const answer = JSON.parse(line) as HookAnswer
    if ('send' in answer)
      spawn('git', ['archive', '--format=tar', answer.send], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout.pipe(socket)
    else if ('line' in answer) process.stderr.write(`${answer.line}\n`)
    else return answer.ok ? 0 : 1
  }
  process.stderr.write(' !     dozen was stopped in the middle of this push. Nothing was changed by it; push again.\n')
  return 1
}

process.exit(await main())
