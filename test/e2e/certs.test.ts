import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, expect, it } from 'vitest'
import { apiCertificate } from '../../server/api/ca.ts'
import { nodeApp, useWorld } from '../support/world.ts'

const world = useWorld({ env: { DOZEN_WATCH_WINDOW: '0' } })
const folder = mkdtempSync(join(tmpdir(), 'dozen-test-certs-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Serial number of the certificate that the router shows for a name, and what the app answers under it. */
function serialOf(host: string): Promise<string> {
  const { https } = JSON.parse(readFileSync(join(world.home, 'endpoints.json'), 'utf8')) as { https: string }
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: new URL(https).port,
      servername: host,
      headers: { host },
      rejectUnauthorized: false,
      agent: false,
    }
    const asked = request(options, (answer) => {
      resolve(`${(answer.socket as TLSSocket).getPeerCertificate().serialNumber} ${answer.statusCode}`)
      answer.resume()
    })
    asked.on('error', reject).end()
  })
}

it('shows the certificate that was added for a name, without a restart, until it is removed', async () => {
  const app = await world.create('sealed')
  await world.push(app, nodeApp('tls'))
  await world.cliOk('domains:add', 'www.sealed.example', '-a', app)
  await world.until(async () => (await serialOf('www.sealed.example')).endsWith(' 200'), 20_000, 'the name is routed')
  const fallback = await serialOf('www.sealed.example')
  const { cert, key } = await apiCertificate(folder, ['www.sealed.example'], new Date())
  writeFileSync(join(folder, 'mine.pem'), cert)
  writeFileSync(join(folder, 'mine.key'), key)
  await world.cliOk('certs:add', join(folder, 'mine.pem'), join(folder, 'mine.key'), '-a', app)
  await world.until(async () => (await serialOf('www.sealed.example')) !== fallback, 20_000, 'another certificate is shown')
  const { stdout } = await world.cli('certs', '-a', app)
  expect(stdout).toContain('www.sealed.example')
  await world.killController()
  await world.until(async () => (await world.cli('apps')).code === 0, 20_000, 'the controller is back')
  expect(await serialOf('www.sealed.example')).not.toBe(fallback)
  const name = /sealed-[0-9a-f]{6}/.exec(stdout)![0]
  await world.cliOk('certs:remove', name, '-a', app)
  await world.until(async () => (await serialOf('www.sealed.example')) === fallback, 20_000, 'the old certificate is back')
})
