import { networkInterfaces, tmpdir } from 'node:os'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { get as getTls } from 'node:https'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { systemClock as clock } from '../clock.ts'
import { apiCertificate } from './ca.ts'
import { listener } from './listener.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-listener-'))
/** An address of this machine that others would use. */
const address = Object.values(networkInterfaces())
  .flat()
  .find((one) => one && !one.internal && one.family === 'IPv4')?.address
let close = async () => {}
afterEach(async () => {
  await close()
  rmSync(folder, { recursive: true, force: true })
})

async function start(isPlainAllowed: boolean) {
  const made = await listener({
    host: '0.0.0.0',
    port: 0,
    certificate: await apiCertificate(mkdtempSync(join(tmpdir(), 'dozen-listener-')), ['localhost'], clock.now()),
    isPlainAllowed,
    http: (_req, res) => void res.end('served'),
    attach: async () => false,
    clock,
  })
  close = made.close
  const ask = (scheme: 'http' | 'https', host: string) =>
    new Promise<[number, string]>((resolve, reject) => {
      const take = scheme === 'http' ? get : getTls
      take({ host, port: made.port, agent: false, rejectUnauthorized: false } as never, (answer) => {
        let text = ''
        answer.on('data', (part) => (text += String(part))).on('end', () => resolve([answer.statusCode!, text]))
      }).on('error', reject)
    })
  return ask
}

it.skipIf(!address)('serves other machines by TLS only, and says so', async () => {
  const ask = await start(false)
  const [status, text] = await ask('http', address!)
  expect(status).toBe(403)
  expect(JSON.parse(text)).toMatchObject({ id: 'forbidden', message: expect.stringContaining('Use https://') as string })
  expect(await ask('https', address!)).toEqual([200, 'served'])
  expect(await ask('http', '127.0.0.1')).toEqual([200, 'served'])
})

it.skipIf(!address)('serves them without TLS when it was told to', async () => {
  expect(await (await start(true))('http', address!)).toEqual([200, 'served'])
})
