import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StackImages } from '../../server/stack/stack.ts'
import { building, freshApp, pack } from '../support/building.ts'
import { httpsServer, selfSigned } from '../support/private-ca.ts'
import { gatewayOf } from '../support/python-index.ts'

/** A registry that refuses at once: what a rebuild would pull stays as it is here. */
const ref = `127.0.0.1:1/dozen-test-${randomBytes(4).toString('hex')}`
const pairs = [{ name: 'small', build: `${ref}:build`, run: `${ref}:run` }]
const docker = (args: string[], input?: string) =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'], ...(input && { input }) })

/** Every address that the network of builds may turn out to have. */
const GATEWAYS = Array.from({ length: 256 }, (_, at) => [`172.${at}.0.1`, `192.168.${at}.1`, `10.${at}.0.1`]).flat()
const known = selfSigned(GATEWAYS)
const { build, run, engine, stack, instance, close } = building(undefined, pairs, known.cert)
const labels = { 'dozen.instance': instance }
const made: StackImages[] = []

beforeAll(() => {
  docker(['tag', 'dozen/stack:latest', `${ref}:build`])
  docker(['tag', 'dozen/stack:run', `${ref}:run`])
})
afterAll(async () => {
  await close()
  for (const image of [...made.flatMap(({ id, runImage }) => [id, runImage]), `${ref}:build`, `${ref}:run`])
    await engine.removeImage(image).catch(() => {})
})
const onSmall = { stackSetting: 'small', appId: freshApp() }

describe('a stack', () => {
  it('trusts in builds and processes what the host trusts, and nothing else', async () => {
    made.push(await stack.ensure(() => {}, 'small'))
    const host = gatewayOf(await engine.ensureNetwork({ name: `dozen-${instance}-build`, labels: { ...labels, 'dozen.role': 'network' }, isolated: true })) // prettier-ignore
    const [trusted, stranger] = [await httpsServer(known, host), await httpsServer(selfSigned([host]), host)]
    const by = [
      'curl -sSf "$url"',
      `node -e 'fetch(process.argv[1]).then((a) => a.text()).then(console.log)' "$url"`,
      `python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "$url"`,
      'git ls-remote "$url"',
    ]
    const lines = [`for url in ${trusted.url} ${stranger.url}; do`, ...by.map((one) => `{ ${one} || true; } 2>&1 | grep -o "trusted\\|certificate" | head -n 1 | sed "s|^|$url |"`), 'done'] // prettier-ignore
    try {
      const built = await build({ Procfile: 'web: x' }, { ...onSmall, packs: [pack(lines.join('\n'))] })
      const answers = (url: string) => built.output.split('\n').filter((line) => line.startsWith(`${url} `)).map((line) => line.slice(url.length + 1)) // prettier-ignore
      expect(answers(trusted.url)).toEqual(['trusted', 'trusted', 'trusted', 'trusted'])
      expect(answers(stranger.url)).toEqual(['certificate', 'certificate', 'certificate', 'certificate'])
      const line = known.cert.toString().split('\n')[1]!
      expect(await run(built, `grep -c -F '${line}' $SSL_CERT_FILE`)).toBe('1')
    } finally {
      trusted.close()
      stranger.close()
    }
  })

  it('that is rebuilt leaves what runs as it is, and has its updates in the next build of every app', async () => {
    const packs = [pack('cat /etc/patched > $1/patched || echo unpatched > $1/patched')]
    const app = { ...onSmall, packs }
    const before = await build({ Procfile: 'web: x' }, app)
    const id = await engine.create({ name: `${instance}-old`, image: before.image, cmd: ['/opt/dozen/start', 'sleep 600'], entrypoint: [], env: {}, labels, network: 'none' }) // prettier-ignore
    await engine.start(id)
    for (const part of ['build', 'run'])
      docker(['build', '-q', '-t', `${ref}:${part}`, '-'], `FROM ${ref}:${part}\nUSER root\nRUN echo patched > /etc/patched\n`)
    made.push(await stack.rebuild('small', () => {}))
    expect((await engine.find(id))?.state).toBe('running')
    expect(await run(before, 'cat patched; cat /etc/patched 2> /dev/null || echo old')).toBe('unpatched\nold')
    const next = await build({ Procfile: 'web: x' }, { ...app, lastStackImage: before.stackImage })
    expect(next.output).toContain('which has changed since the last build')
    expect([next.stackImage, next.runImage]).toEqual([made[1]!.id, made[1]!.runImage])
    expect(await run(next, 'cat patched /etc/patched')).toBe('patched\npatched')
    await engine.remove(id)
  })
})
