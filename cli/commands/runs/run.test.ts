import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { type Fixed, fixedServer, sendJson, typed } from '../../support/fixed-server.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A dyno's end of the rendezvous: after the client's line, `speak` has the socket. */
async function dyno(speak: (socket: Socket, secret: string) => void, patched: Fixed = {}) {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    let line = ''
    socket.on('data', function hear(chunk) {
      line += chunk.toString()
      if (!line.includes('\r\n')) return
      socket.off('data', hear)
      speak(socket, line.slice(0, line.indexOf('\r\n')))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const api = await fixedServer({
    'PATCH /apps/shop/dynos/run.7': patched,
    'POST /apps/shop/dynos': { name: 'run.7', attach_url: `rendezvous://127.0.0.1:${port}/s3cret` },
  })
  closers.push(api.close)
  return { ...api, env: { DOZEN_URL: api.url, DOZEN_TOKEN: 't', DOZEN_APP: 'shop' } }
}

const MARKER = (status: number) => `\uFFFF heroku-command-exit-status: ${status}\r\n`

it("prints the command's output alone and ends with its status", async () => {
  const { env, asked } = await dyno((socket, secret) => {
    socket.write('rendezvous\r\n')
    socket.end(`secret ${secret}, no line end${MARKER(3)}`)
  })
  expect(await typed(['run', 'sh', '-c', 'exit 3'], { env })).toEqual({
    code: 3,
    stdout: 'secret s3cret, no line end',
    stderr: '',
  })
  expect(asked[0]?.body).toEqual({ command: "sh -c 'exit 3'", attach: true, exit_status: true, force_no_tty: true, env: {} })
})

it('keeps output that comes in one piece with the greeting', async () => {
  const { env } = await dyno((socket) => socket.end(`rendezvous\r\nat once\n${MARKER(0)}`))
  expect(await typed(['run', 'x'], { env })).toMatchObject({ code: 0, stdout: 'at once\n' })
})

it('pipes its input, 0x04 bytes too, and says its end by a call, since a closed half would look like a killed client', async () => {
  let finish = () => {}
  let heard = ''
  let isOpen = true
  const { env, asked } = await dyno(
    (socket) => {
      socket.write('rendezvous\r\n')
      socket.on('data', (chunk) => (heard += chunk.toString())).on('end', () => (isOpen = false))
      finish = () => socket.end(`<${heard}>${isOpen}${MARKER(0)}`)
    },
    (_request, response) => {
      sendJson(response, 200, {})
      setImmediate(finish)
    },
  )
  expect(await typed(['run', 'cat'], { env, input: 'a\x04b\n' })).toEqual({ code: 0, stdout: '<a\x04b\n>true', stderr: '' })
  expect(asked.at(-1)).toMatchObject({ method: 'PATCH', path: '/apps/shop/dynos/run.7', body: { input_bytes: 4 } })
})

it('does not wait for ever when the end of its input cannot be said', async () => {
  const { env } = await dyno(
    (socket) => socket.write('rendezvous\r\n'),
    (_request, response) => sendJson(response, 503, { id: 'unavailable', message: 'Not now.' }),
  )
  const { code, stderr } = await typed(['run', 'cat'], { env, input: 'a' })
  expect(code).toBe(1)
  expect(stderr).toContain('The connection was lost before the command ended.')
})

it('says so when the connection ends without a status', async () => {
  const { env } = await dyno((socket) => {
    socket.write('rendezvous\r\n')
    socket.end('half')
  })
  const { code, stdout, stderr } = await typed(['run', 'x'], { env })
  expect({ code, stdout }).toEqual({ code: 1, stdout: 'half' })
  expect(stderr).toContain('Error: The connection was lost before the command ended.')
})

it('says so when the secret is refused', async () => {
  const { env } = await dyno((socket) => socket.destroy())
  const { code, stderr } = await typed(['run', 'x'], { env })
  expect(code).toBe(1)
  expect(stderr).toContain('Error: The dyno did not take the connection.')
})

it('passes what follows the command on, options included, and its own environment with -e', async () => {
  const { env, asked } = await dyno((socket) => socket.end(`rendezvous\r\n${MARKER(0)}`))
  await typed(['run', '-e', 'A=1=2', 'ls', '-a', '--help'], { env })
  expect(asked[0]?.body).toMatchObject({ command: 'ls -a --help', env: { A: '1=2' } })
  await typed(['run', '--', 'ls', '--no-tty'], { env })
  expect(asked.map(({ body }) => body)).toContainEqual(expect.objectContaining({ command: 'ls --no-tty' }))
})

it('starts a detached one and prints its name', async () => {
  const { env, asked } = await dyno(() => {})
  for (const words of [
    ['run:detached', 'sleep', '9'],
    ['run', '--detached', 'sleep', '9'],
  ]) {
    expect(await typed(words, { env })).toEqual({
      code: 0,
      stdout: 'run.7\n',
      stderr: 'Running sleep 9 on shop... done, run.7\n`dozen logs -a shop --dyno run.7` shows its output.\n',
    })
  }
  expect(asked.map(({ body }) => body)).toEqual(Array(2).fill({ command: 'sleep 9', env: {}, attach: false }))
})
