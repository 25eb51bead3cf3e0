import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { apiWorld } from '../../test/support/api-world.ts'
import { parseProcfile } from '../builds/procfile.ts'
import { parseImage } from '../builds/image-source.ts'
import { parseReference } from '../buildpacks/reference.ts'

const world = await apiWorld()
const { call, tokens, url } = world
afterAll(world.close)
const owner = () => world.accounts.findByEmailOrId('owner@example.com')!
const names = async () => (await call('GET', '/apps')).body.map((app: { name: string }) => app.name)

describe('a name', () => {
  const hostile = [
    'a;touch /tmp/p', '$(id)', '`id`', 'a|b', 'a&b', 'a>b', "a'b", 'a"b', 'a b', 'a\tb', 'a\nb', 'a\0b', // ABUSE 1
    '-rf', '--privileged', '-v/:/host', // ABUSE 2
    '..', '.', 'a/../b', '%2e%2e', 'A/B', 'x'.repeat(300), 'x'.repeat(64), 'xn--abc', '\u0430pp', 'shop.', 'SHOP', // ABUSE 3
    'git', 'api', 'admin', 'www', 'dozen', '_', 'static', '.well-known', 'health', // ABUSE 4
    '', ' ', 'constructor;', '1app', 'ab', 'app-', 'a_b',
  ] // prettier-ignore
  it.each(hostile)('%j of an app is refused with the grammar (ABUSE 1, 2, 3, 4)', async (name) => {
    const before = await names()
    const answer = await call('POST', '/apps', { name })
    expect(answer).toMatchObject({
      status: 422,
      body: { message: expect.stringMatching(/lower-case letters, digits and dashes|reserved/) },
    })
    expect(await call('PATCH', '/apps/shop', { name })).toMatchObject({ status: 422 })
    expect(await names()).toEqual(before)
  })
  it.each([[{}], [[]], [7], [true], [1e300], [{ toString: 'x' }]] as [unknown][])(
    '%j, which is no text, is refused (ABUSE 75)',
    async (name) => {
      expect((await call('POST', '/apps', { name })).status).toBe(422)
    },
  )
  it('that is taken is refused to others, whoever has it', async () => {
    expect(await call('POST', '/apps', { name: 'shop' }, { token: tokens.foreign })).toMatchObject({
      status: 422,
      body: { message: 'Name shop is already taken' },
    })
  })
})

describe('a config var', () => {
  it.each(['A=B', 'A\nB', 'A;B', 'A B', '1A', '', 'A-B', 'DOZEN_HOME', 'HEROKU_X', '\u00c4'])(
    'called %j is refused (ABUSE 5)',
    async (key) => {
      expect(await call('PATCH', '/apps/shop/config-vars', { [key]: 'x' })).toMatchObject({ status: 422 })
    },
  )
  it.each(['LD_PRELOAD', 'PATH_EXTRA', 'NODE_OPTIONS', 'BASH_ENV', 'GIT_SSH_COMMAND', 'DOCKER_HOST', 'constructor', 'toString'])(
    'called %s is taken, for the app alone (ABUSE 5)', async (key) => {
      const before = process.env[key]
      expect((await call('PATCH', '/apps/shop/config-vars', { [key]: '/evil' })).body[key]).toBe('/evil')
      expect(process.env[key]).toBe(before)
      await call('PATCH', '/apps/shop/config-vars', { [key]: null })
    },
  ) // prettier-ignore
  it.each(['Hello\n \'world\' ', '"$X" `id` $(id)', '\\n\\', '\u0001', '🚀', '-rf', '${jndi:ldap://x}', 'x\nDOCKER_HOST=tcp://evil', "' OR 1=1 --"])(
    'keeps %j as it is, in one variable (ABUSE 6, 7, 76)', async (value) => {
      const { body } = await call('PATCH', '/apps/shop/config-vars', { VALUE: value })
      expect([body.VALUE, body.DOCKER_HOST]).toEqual([value, undefined])
    },
  ) // prettier-ignore
  it.each([['a NUL', 'a\0b'], ['64 KiB and more', 'x'.repeat(64 * 1024)], ['a number', 5], ['a list', ['x']]])('that holds %s is refused (ABUSE 6)', async (_, value) => {
    expect(await call('PATCH', '/apps/shop/config-vars', { VALUE: value })).toMatchObject({ status: 422 })
  }) // prettier-ignore
})

describe('a host name', () => {
  it.each([
    'a.example;id', '../x', 'example.com:80', 'example.com/', 'user@host', `${'a'.repeat(250)}.example`, `${'a'.repeat(64)}.example`, 'localhost',
    '127.0.0.1', '[::1]', '2130706433', 'other.localhost', 'api.localhost', '*.localhost', '*', '*.com.', 'a..b', '-a.example', 'a b.example', '',
  ])('%j is refused (ABUSE 9)', async (hostname) => {
    expect((await call('POST', '/apps/shop/domains', { hostname })).status).toBe(422)
  }) // prettier-ignore
  it('of another app, in whatever spelling, is 409 (ABUSE 9)', async () => {
    expect((await call('POST', '/apps/shop/domains', { hostname: 'taken.example.com' })).status).toBe(201)
    await call('POST', '/apps', { name: 'thief' }, { token: tokens.foreign })
    for (const hostname of ['taken.example.com', 'TAKEN.Example.COM'])
      expect((await call('POST', '/apps/thief/domains', { hostname }, { token: tokens.foreign })).status).toBe(409)
  })
})

describe('a process type', () => {
  it.each(['web;id: x', 'we b: x', 'web\u0000: x', `${'w'.repeat(64)}: x`, ': x', 'web:'])(
    'in a Procfile that says %j is refused (ABUSE 10)',
    (line) => {
      expect(() => parseProcfile(line)).toThrow(/Procfile/)
    },
  )
  it.each(['constructor', '__proto__', 'toString'])('called %s is a name like any other (ABUSE 10)', (type) => {
    const types = parseProcfile(`${type}: node x`)
    expect(Object.hasOwn(types, type)).toBe(true)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
  it.each([-1, 1e9, 'NaN', '1;id', '٣', '1.5', '', null, {}, '0x10', '+101'])('is not scaled to %j (ABUSE 19)', async (quantity) => {
    await world.deps.useCases.deploys.deploy(await shop(), owner(), { image: IMAGE, description: 'x' }, { signal: new AbortController().signal, log: () => {} })
    expect((await call('PATCH', '/apps/shop/formation', { updates: [{ type: 'web', quantity }] })).status).toBe(422)
  }) // prettier-ignore
})

const IMAGE = {
  image: 'sha256:1',
  imageKind: 'buildpack' as const,
  port: null,
  processTypes: { web: 'node .' },
  buildId: null,
  commit: null,
}
const shop = async () => world.deps.useCases.apps.find(owner(), 'shop')

describe('an address', () => {
  it.each(['ext::sh -c id', '--upload-pack=touch x', '-oProxyCommand=x', 'ssh://-oProxyCommand=x/', 'git@host:x', 'http://a/$(id);x y', 'gopher://x', ''])(
    '%j is no buildpack (ABUSE 13)', async (buildpack) => {
      expect((await call('PUT', '/apps/shop/buildpack-installations', { updates: [{ buildpack }] })).status).toBe(422)
    },
  ) // prettier-ignore
  it('of a folder of the machine is a buildpack for admins alone (ABUSE 13)', async () => {
    const updates = [{ buildpack: 'file:///etc' }]
    expect([403, 422]).toContain((await call('PUT', '/apps/shop/buildpack-installations', { updates })).status)
    expect(() => parseReference('https://x/y#;id')).not.toThrow(TypeError)
  })
  it.each([
    'nginx --privileged',
    '--help',
    '-v',
    'a b',
    'nginx;id',
    'nginx:$(id)',
    '../x',
    'NGINX',
    'x@sha256:1',
    'sha256:1',
    '',
    'a'.repeat(300),
  ])('%j names no image (ABUSE 14)', (ref) => {
    expect(() => parseImage(ref)).toThrow(/no image reference/)
  })
  it.each(['ftp://x/', 'javascript:alert(1)', 'http://127.0.0.1:2375/', 'http://[::1]/', 'http://169.254.169.254/', 'http://0x7f000001/', 'http://localhost./', 'http://a.localhost/', 'unix:///var/run/docker.sock', 'file:///etc/passwd', 'http://x y/'])(
    '%j takes no logs and no webhooks (ABUSE 15, 70)', async (target) => {
      expect((await call('POST', '/apps/shop/log-drains', { url: target })).status).toBe(422)
      expect((await call('POST', '/apps/shop/webhooks', { url: target, include: ['api:release'], level: 'notify' })).status).toBe(422)
    },
  ) // prettier-ignore
})

describe('what asks', () => {
  it.each(['-1', '1e18', 'NaN', '0', "1' OR '1'='1", '..'])('for %s of a list gets a 4xx or a page (ABUSE 76)', async (n) => {
    for (const range of [`version ..; max=${n}`, `version ${n}..; max=2`, `id ]${n}..`]) {
      const { status } = await call('GET', '/apps/shop/releases', undefined, { headers: { range } })
      expect([200, 206, 400, 416, 422]).toContain(status)
    }
    for (const lines of [Number(n), n, -1, 1e18])
      if (!(Number.isInteger(lines) && (lines as number) >= 0 && (lines as number) <= 100_000))
        expect((await call('POST', '/apps/shop/log-sessions', { lines })).status).toBeGreaterThanOrEqual(400)
  })
  it('under the name of another site is refused, as is a form (ABUSE 65)', async () => {
    const status = await new Promise((resolve) => request(`${url}/apps`, { headers: { host: 'evil.example', authorization: `Bearer ${tokens.owner}` } }, (res) => resolve(res.statusCode)).end()) // prettier-ignore
    expect(status).toBe(403)
    const { headers } = await call('GET', '/apps', undefined, { headers: { origin: 'https://evil.example' } })
    expect([headers.get('access-control-allow-origin'), headers.get('set-cookie')]).toEqual([null, null])
    expect(
      (await call('POST', '/apps', undefined, { raw: '{"name":"formed"}', headers: { 'content-type': 'text/plain' } })).status,
    ).toBe(400)
  })
  it('with a token in the URL is nobody (ABUSE 77)', async () => {
    for (const path of [
      `/apps?token=${tokens.owner}`,
      `/apps?access_token=${tokens.owner}`,
      `/apps?authorization=Bearer%20${tokens.owner}`,
    ])
      expect((await call('GET', path, undefined, { token: '' })).status).toBe(401)
  })
  it('with a wrong token is told so before its body is read (ABUSE 28, 75)', async () => {
    const { port } = new URL(url)
    const text = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1')
      let seen = ''
      socket.on('data', (part) => (seen += part.toString())).on('close', () => resolve(seen)).on('error', () => {})
      socket.write('POST /apps HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer nobody\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n{')
    }) // prettier-ignore
    expect(text).toMatch(/^HTTP\/1\.1 401/)
    expect(text).toMatch(/connection: close/i)
  })
  it('and never ends its body is cut off (ABUSE 75)', async () => {
    const { port } = new URL(url)
    const isCut = await new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('data', () => {}).on('error', () => {}).on('close', () => resolve(true))
      socket.write(`POST /apps HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${tokens.owner}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{`)
    }) // prettier-ignore
    expect(isCut).toBe(true)
  }, 60_000)
  it('is told nothing of paths, the environment or the code when it fails (ABUSE 79)', async () => {
    const answers = await Promise.all([
      call('GET', '/nowhere'),
      call('GET', '/apps/%ff'),
      call('POST', '/apps', { name: {} }),
      call('GET', '/apps', undefined, { token: 'x' }),
    ])
    expect(JSON.stringify(answers.map(({ body }) => body))).not.toMatch(/node_modules|\/work\/|\.ts:|at \w+ \(|PATH=|dzn_/)
  })
})

it('nobody is let in by default: no account but the first admin, and that by its token alone (ABUSE 74)', async () => {
  for (const guess of ['admin', 'admin:admin', 'captain42', 'password', ' ', 'null', 'undefined', '0'.repeat(64)])
    expect((await call('GET', '/account', undefined, { token: guess })).status).toBe(401)
  for (const authorization of ['Basic', 'Basic YWRtaW46', 'Bearer', `Basic ${btoa('admin:admin')}`, 'Digest x', 'Bearer  '])
    expect((await call('GET', '/account', undefined, { token: '', headers: { authorization } })).status).toBe(401)
})

describe('roles (ABUSE 72, 73)', () => {
  it('of a token: one for deploys reads no config, one for reading changes nothing and sees no token', async () => {
    const tokenOf = async (scope: string[]) => ({
      token: (await call('POST', '/oauth/authorizations', { scope })).body.access_token.token as string,
    })
    const [deploy, read] = [await tokenOf(['deploy']), await tokenOf(['read'])]
    expect((await call('GET', '/apps/shop/config-vars', undefined, deploy)).status).toBe(403)
    expect((await call('GET', '/apps/shop/config-vars', undefined, read)).status).toBe(403)
    expect((await call('GET', '/oauth/authorizations', undefined, read)).status).toBe(403)
    expect((await call('POST', '/apps', { name: 'by-reader' }, read)).status).toBe(403)
    expect((await call('POST', '/oauth/authorizations', {}, deploy)).status).toBe(403)
  })
  it('of a collaborator: who may only look sees no config var', async () => {
    await call('POST', '/apps/shop/collaborators', { user: 'bob@example.com', permissions: ['view'] })
    const bob = { token: tokens.bob }
    expect((await call('GET', '/apps/shop/releases', undefined, bob)).status).toBe(200)
    for (const path of ['/apps/shop/config-vars', '/apps/shop/releases/1/config-vars'])
      expect((await call('GET', path, undefined, bob)).status).toBe(403)
    await call('PATCH', '/apps/shop/collaborators/bob@example.com', { permissions: ['deploy'] })
    expect((await call('GET', '/apps/shop/config-vars', undefined, bob)).status).toBe(200)
    await call('DELETE', '/apps/shop/collaborators/bob@example.com')
  })
  it('of an account: the lists of all are for admins', async () => {
    for (const path of ['/users', '/events', '/disk']) expect((await call('GET', path)).status).toBe(403)
    for (const path of ['/users', '/events', '/disk'])
      expect((await call('GET', path, undefined, { token: tokens.admin })).status).toBe(200)
    expect((await call('POST', '/secrets/actions/rotate', {})).status).toBe(403)
    expect((await call('PATCH', '/account', { admin: true })).status).toBe(403)
  })
  it('of one that was disabled: none', async () => {
    await call('PATCH', '/users/foreign@example.com', { disabled: true }, { token: tokens.admin })
    expect((await call('GET', '/apps', undefined, { token: tokens.foreign })).status).toBe(401)
    await call('PATCH', '/users/foreign@example.com', { disabled: false }, { token: tokens.admin })
    expect((await call('GET', '/apps', undefined, { token: tokens.foreign })).status).toBe(200)
  })
})
