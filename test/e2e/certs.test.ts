import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { apiCertificate } from '../../server/api/ca.ts'
import { FAILPOINTS } from '../../server/failpoint.ts'
import { chosen, randomOf, seed } from '../faults/plan.ts'
import { Pebble } from '../support/pebble.ts'
import { nodeApp, useWorld } from '../support/world.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-test-certs-'))
const failAt = mkdtempSync(join(tmpdir(), 'dozen-test-fail-'))
const pebble = new Pebble()
await pebble.open()
const world = useWorld({
  env: { DOZEN_WATCH_WINDOW: '0', DOZEN_ACME_DIRECTORY: pebble.directory, DOZEN_ACME_CA: pebble.ca, DOZEN_FAIL_AT: failAt },
})
let app: string
beforeAll(async () => {
  await pebble.start({ httpPort: Number(new URL(world.endpoints.http).port) })
  app = await world.create('sealed')
  await world.push(app, nodeApp('tls'))
})
afterEach(() => void (pebble.fault = () => undefined))
afterAll(async () => {
  await pebble.close()
  for (const one of [folder, failAt]) rmSync(one, { recursive: true })
})

type Shown = { serial: string; issuer: string; status: number }

/** The certificate that the router shows for a name, and what the app answers under it. */
function shown(host: string): Promise<Shown> {
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
      const { serialNumber: serial, issuer } = (answer.socket as TLSSocket).getPeerCertificate()
      resolve({ serial, issuer: String(issuer.CN), status: answer.statusCode! })
      answer.resume()
    })
    asked.on('error', reject).end()
  })
}

it('shows the certificate that was added for a name, without a restart, until it is removed', async () => {
  await world.cliOk('domains:add', 'www.sealed.example', '-a', app)
  await world.until(async () => (await shown('www.sealed.example')).status === 200, 20_000, 'the name is routed')
  const { serial: fallback } = await shown('www.sealed.example')
  const { cert, key } = await apiCertificate(folder, ['www.sealed.example'], new Date())
  writeFileSync(join(folder, 'mine.pem'), cert)
  writeFileSync(join(folder, 'mine.key'), key)
  await world.cliOk('certs:add', join(folder, 'mine.pem'), join(folder, 'mine.key'), '-a', app)
  const serial = async () => (await shown('www.sealed.example')).serial
  await world.until(async () => (await serial()) !== fallback, 20_000, 'another certificate is shown')
  const { stdout } = await world.cli('certs', '-a', app)
  expect(stdout).toContain('www.sealed.example')
  await world.killController()
  await world.until(async () => (await world.cli('apps')).code === 0, 20_000, 'the controller is back')
  expect(await serial()).not.toBe(fallback)
  const name = /sealed-[0-9a-f]{6}/.exec(stdout)![0]
  await world.cliOk('certs:remove', name, '-a', app)
  await world.until(async () => (await serial()) === fallback, 20_000, 'the old certificate is back')
})

describe('certificates by themselves', () => {
  it('are off below localhost; once enabled they are ordered and shown, HTTPS redirect or not', async () => {
    expect(await world.cliOk('certs:auto', '-a', app)).toContain('(off)')
    await world.cliOk('settings:set', 'https-redirect=on', 'hsts=1d', '-a', app)
    await world.cliOk('certs:auto:enable', '-a', app)
    await world.cliOk('domains:wait', 'www.sealed.example', '-a', app)
    await world.until(async () => (await shown('www.sealed.example')).issuer.includes('Pebble'), 20_000, 'pebble’s certificate')
    expect(await world.cliOk('certs', '-a', app)).toMatch(/auto-www\.sealed\.example-\w{6}\s+www\.sealed\.example\s+.*dozen/)
    expect(await world.logs(app)).toMatch(/dozen\[certs\]: Certificate for www\.sealed\.example issued, good until \d{4}/)
    expect(statSync(join(world.home, 'certs/acme-account.key')).mode & 0o777).toBe(0o600)
    expect((await world.get('www.sealed.example')).status).toBe(301)
    expect((await world.api<{ acm: boolean }>('GET', `/apps/${app}`)).body.acm).toBe(true)
  })

  it('say why one is not to be had in certs, doctor and the stream, and come once it is', async () => {
    pebble.fault = (_method, path) => (path === '/order-plz' ? { status: 403, type: 'rejectedIdentifier', detail: 'not this one' } : undefined) // prettier-ignore
    await world.cliOk('domains:add', 'no.sealed.example', '-a', app)
    const failed = await world.cli('domains:wait', 'no.sealed.example', '-a', app)
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('not this one (rejectedIdentifier).')])
    const doctor = await world.cli('doctor')
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining('no.sealed.example of sealed has no certificate. Refused by localhost')]) // prettier-ignore
    expect((await world.cli('certs', '-a', app)).stderr).toContain('not this one (rejectedIdentifier). Next try in')
    expect(await world.logs(app)).toContain('Error: no certificate for no.sealed.example. Refused by localhost')
    pebble.fault = () => undefined
    await world.cliOk('domains:remove', 'no.sealed.example', '-a', app)
    expect((await world.cli('doctor')).stdout).toContain('all that are ordered are there')
  })

  const points = FAILPOINTS.filter((name) => name.startsWith('acme.'))
  it.each(chosen(points, 2, randomOf(seed)))('come also when the controller is killed at %s', async (at) => {
    const host = `${at.replace('.', '-')}.sealed.example`
    const before = world.controllerPids()[0]
    writeFileSync(join(failAt, at), '')
    await world.cliOk('domains:add', host, '-a', app)
    await world.until(() => world.controllerPids().some((pid) => pid !== before), 30_000, 'another controller')
    await world.until(async () => (await shown(host)).issuer.includes('Pebble'), 60_000, `a certificate for ${host}`)
    expect((await shown('www.sealed.example')).status).toBe(200)
  })
})
