import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { helloText } from '../protocol.ts'
import { GONE } from './script.ts'

/**
 * git's pre-receive hook where there is no Perl: tells the controller what was pushed, sends it the tree (whose objects only git's own environment
 * shows before they are accepted), prints what it answers, and ends with its verdict.
 */
async function main(): Promise<number> {
  const updates = (await text(process.stdin)).split('\n').filter((line) => line !== '')
  const socket = connect({ path: process.env['DOZEN_GIT_SOCKET']!, allowHalfOpen: true })
  socket.on('error', () => {}) // no verdict will come: said below
  socket.write(helloText(process.env['DOZEN_PUSH']!, updates))
  for await (const answer of createInterface({ input: socket })) {
    const rest = answer.slice(answer.indexOf(' ') + 1)
    if (answer.startsWith('send '))
      spawn('git', ['archive', '--format=tar', '--worktree-attributes', '--end-of-options', rest], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }).stdout.pipe(socket)
    else if (answer.startsWith('line ')) process.stderr.write(`${rest}\n`)
    else return answer === 'ok' ? 0 : 1
  }
  process.stderr.write(`${GONE}\n`)
  return 1
}

process.exit(await main())
