import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FAILPOINTS, type Failpoint } from '../../server/failpoint.ts'
import { Pebble } from '../support/pebble.ts'
import { nodeApp, useWorld } from '../support/world.ts'
import { seed } from './plan.ts'
import { answering, arm, failuresOf, flow } from './shop.ts'

const POINTS = FAILPOINTS.filter((name) => name.startsWith('acme.'))
const points = mkdtempSync(join(tmpdir(), 'dozen-faults-'))
const pebble = new Pebble()
await pebble.open()

/** FAULTS.md's column "certificate order" and ABUSE 57: whoever is killed at whatever step, the certificate comes and nobody notices. */
describe(`killed anywhere (DOZEN_FAULTS_SEED=${seed})`, () => {
  const env = { DOZEN_WATCH_WINDOW: '0', DOZEN_ACME_DIRECTORY: pebble.directory, DOZEN_ACME_CA: pebble.ca, DOZEN_FAIL_AT: points }
  const world = useWorld({ env })
  const app = 'sealed'
  let names = 0
  const start = () =>
    pebble.start({ httpPort: Number(new URL(world.endpoints.http).port), env: { PEBBLE_WFE_NONCEREJECT: '20' } })

  beforeAll(async () => {
    await start()
    await world.create(app)
    await world.push(app, nodeApp('body'))
    await world.cliOk('certs:auto:enable', '-a', app)
  })
  afterEach(() => void (pebble.fault = () => undefined))
  afterAll(async () => {
    await pebble.close()
    rmSync(points, { recursive: true })
  })

  /** Who issued the certificate that is shown for a name. */
  function issuer(host: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const { port } = new URL(world.endpoints.https)
      const options = { host: '127.0.0.1', port, servername: host, headers: { host }, rejectUnauthorized: false, agent: false }
      const asked = request(options, (answer) => {
        resolve(String((answer.socket as TLSSocket).getPeerCertificate().issuer.CN))
        answer.resume()
      })
      asked.on('error', reject).end()
    })
  }
  const issued = (host: string) =>
    world.until(async () => (await issuer(host)).includes('Pebble'), 120_000, `a certificate for ${host}`)

  /** Adds a name, whose order runs into the kill. */
  async function order(point: Failpoint, pids: number[], { loses = false, revive = async () => {} } = {}) {
    const host = `h${(names += 1)}.sealed.example`
    const load = await flow(world, app)
    arm(points, point, pids)
    await world.cliOk('domains:add', host, '-a', app)
    await world.until(() => !existsSync(join(points, point)), 60_000, `the order comes to ${point}`)
    await revive()
    await answering(world)
    await issued(host)
    const failures = await failuresOf(load)
    if (!loses) expect(failures).toEqual([])
    expect(failures.filter((failure) => failure.includes('no answer within'))).toEqual([])
    expect(readFileSync(join(world.home, 'router/certs', `${host}.pem`), 'utf8')).toContain('PRIVATE KEY')
  }

  describe('kill -9 of the controller: order of a certificate', () => it.each(POINTS)('%s', (point) => order(point, [])))

  // At two of them the authority meets no router: it refuses, and is asked again after a minute.
  describe('kill -9 of the router: order of a certificate', () =>
    it.each(POINTS)('%s', (point) => order(point, world.routerPids(), { loses: true })))

  describe('kill -9 of controller and router at once: order of a certificate', () =>
    it.each(POINTS)('%s', (point) => order(point, [...world.routerPids(), ...world.controllerPids()], { loses: true })))

  describe('kill -9 of the supervisor: order of a certificate', () =>
    it.each(['acme.answering', 'acme.fetched'] as const)('%s', (point) =>
      order(point, [world.supervisorPid], { loses: true, revive: () => world.up() }),
    ))

  it('an authority that is down for an order, and another one when it comes back, CA and accounts lost', async () => {
    const host = 'later.sealed.example'
    await pebble.stop()
    await world.cliOk('domains:add', host, '-a', app)
    await world.until(async () => (await world.cli('doctor')).stdout.includes('it cannot be reached'), 30_000, 'doctor says so')
    expect(await issuer('h1.sealed.example')).toContain('Pebble')
    await start()
    await issued(host)
  })
})
