import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { dockerEngine } from '../engine/docker.ts'
import type { Release } from '../releases/release.ts'
import { processSpec } from './dynos.ts'

it('runs a process type in the image of its own, if the release has one for it, and one-off dynos in the main one', () => {
  const source = { image: 'main', port: null, images: { worker: { image: 'other', port: 7 } }, imageKind: 'dockerfile', processTypes: {}, buildId: null, commit: null } // prettier-ignore
  const release = { version: 3, source } as unknown as Release
  const app = { id: 'a', name: 'shop' } as Parameters<typeof processSpec>[1]['app']
  const limits = () => ({ memoryBytes: 1, cpus: null, pids: 1 })
  const deps = { ids: { uuid: () => 'u', secret: () => 's'.repeat(32) }, instance: 'i', dynoCommand: () => ({}), config: () => ({}), limits, isReadOnly: () => false } as unknown as Parameters<typeof processSpec>[0] // prettier-ignore
  const imageFor = (dyno: string) => processSpec(deps, { app, release, dyno, command: 'x' }).image
  expect(['web.1', 'worker.2', 'run.7', 'constructor.1'].map(imageFor)).toEqual(['main', 'other', 'main', 'main'])
})

it('gives a process nothing of the machine, whatever its app is called or configured: no mount, device, namespace or capability (ABUSE 18)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-dynos-'))
  const socket = join(folder, 'engine.sock')
  const asked: { Env: string[]; HostConfig: Record<string, unknown> }[] = []
  const server = createServer((req, res) => {
    void text(req).then((body) => {
      asked.push(JSON.parse(body) as (typeof asked)[number])
      res.writeHead(201, { 'content-type': 'application/json' }).end('{"Id":"c"}')
    })
  }).listen(socket)
  const wishes = { Binds: '/:/host', volumes: '/var/run/docker.sock', HostConfig: '{"Privileged":true}', X: '/:/host:rw' }
  const limits = () => ({ memoryBytes: 2 ** 28, cpus: 0.5, pids: 64 })
  const source = { image: 'main', port: null, imageKind: 'buildpack', processTypes: {}, volumes: ['/:/host'], buildId: null, commit: null } // prettier-ignore
  const release = { version: 3, source } as unknown as Release
  const app = { id: 'a', name: 'shop' } as Parameters<typeof processSpec>[1]['app']
  const deps = { ids: { uuid: () => 'u', secret: () => 's'.repeat(32) }, instance: 'i', dynoCommand: () => ({}), config: () => wishes, limits, isReadOnly: () => true } // prettier-ignore
  const spec = processSpec(deps, { app, release, dyno: 'web.1', command: '-v /:/host' })
  await dockerEngine({ socket, openFiles: 1000 }).create({ ...spec, network: 'ours' })
  server.close()
  rmSync(folder, { recursive: true })
  const [{ Env, HostConfig } = { Env: [], HostConfig: {} }] = asked
  expect(Env).toContain('Binds=/:/host')
  const [{ LogConfig, Tmpfs, ...rest }] = [HostConfig]
  expect([LogConfig, Tmpfs]).toMatchObject([{ Type: 'json-file' }, { '/tmp': 'size=134217728,mode=1777,exec' }])
  expect(rest).toEqual({
    NetworkMode: 'ours',
    Init: true,
    Ulimits: [
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'nofile', Soft: 1000, Hard: 1000 },
    ],
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    CapAdd: [],
    Memory: 2 ** 28,
    MemorySwap: 2 ** 28,
    NanoCpus: 5e8,
    ReadonlyRootfs: true,
    PidsLimit: 64,
  })
})
