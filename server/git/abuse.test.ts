import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { deflateSync, gzipSync } from 'node:zlib'
import { extract as extractTar } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gitServer, type GitServer } from '../../test/support/git-server.ts'
import { GIT_SETTINGS, gitEnvironment } from './repos.ts'

let world: GitServer
beforeAll(async () => {
  world = await gitServer()
  await world.commit('web: fine')
  await world.git(['push', world.url(), 'HEAD:main'])
}, 30_000)
afterAll(() => world.close())

const marker = () => existsSync(join(world.folder, 'marker'))
const incoming = () => readdirSync(join(world.repo, 'objects')).filter((name) => name.includes('incoming'))

/** An object of any bytes, as a hostile client writes it. */
async function object(type: string, content: Buffer): Promise<string> {
  const file = join(world.folder, `object-${createHash('sha1').update(content).digest('hex')}`)
  writeFileSync(file, content)
  return (await world.git(['hash-object', '-t', type, '-w', '--literally', file])).output.trim()
}
const entry = (mode: string, name: string | Buffer, id: string) =>
  Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(id, 'hex')])
async function pushTree(...entries: Buffer[]) {
  const tree = await object('tree', Buffer.concat(entries))
  const commit = (await world.git(['commit-tree', tree, '-m', 'hostile'])).output.trim()
  const before = world.deployed.length
  const pushed = await world.git(['push', '--force', world.url(), `${commit}:refs/heads/main`])
  return { ...pushed, isDeployed: world.deployed.slice(before).some((one) => one.commit === commit) }
}

describe('a pushed tree', () => {
  it('with an entry that leaves the tree or is git itself is refused (ABUSE 20)', async () => {
    const blob = await object('blob', Buffer.from('x'))
    const names = ['.git', '.GIT', '.git ', 'git~1', '..', '.', 'a/b', '']
    const pushed = await Promise.all(names.map((name) => pushTree(entry('100644', name, blob))))
    expect(pushed.map(({ code, isDeployed }) => [code, isDeployed])).toEqual(names.map(() => [1, false]))
    expect(incoming()).toEqual([])
  }, 60_000)
  it.each([
    ['an option for a URL', '[submodule "a"]\n\tpath = a\n\turl = --upload-pack=touch ../marker\n'],
    ['a name that leaves', '[submodule "../../hooks"]\n\tpath = a\n\turl = ./a\n'],
    ['a path with a dash', '[submodule "a"]\n\tpath = -a\n\turl = ./a\n'],
  ])(
    'with %s in .gitmodules is refused, and nothing runs (ABUSE 21)',
    async (_, text) => {
      const modules = await object('blob', Buffer.from(text))
      const link = (await world.git(['rev-parse', 'HEAD'])).output.trim()
      const pushed = await pushTree(entry('100644', '.gitmodules', modules), entry('160000', 'a', link))
      expect(pushed).toMatchObject({ code: 1, isDeployed: false })
      expect(marker()).toBe(false)
    },
    30_000,
  )
  it('with .gitmodules as a link is refused (ABUSE 21)', async () => {
    const target = await object('blob', Buffer.from('elsewhere'))
    expect(await pushTree(entry('120000', '.gitmodules', target))).toMatchObject({ code: 1, isDeployed: false })
  }, 30_000)
  it('keeps links as links: nothing is read through them (ABUSE 22, 23)', async () => {
    const target = await object('blob', Buffer.from('/etc/passwd'))
    const up = await object('blob', Buffer.from('../../../../'))
    const pushed = await pushTree(entry('120000', 'passwd', target), entry('120000', 'up', up))
    expect(pushed).toMatchObject({ code: 0, isDeployed: true })
    expect(JSON.stringify([...world.deployed.at(-1)!.files.values()])).not.toContain('root:')
  }, 30_000)
  it('of a thousand million files is given up at the limit, and its pusher told (ABUSE 32)', async () => {
    let id = await object('blob', Buffer.from('x'))
    for (let level = 0; level < 9; level++) {
      const mode = level === 0 ? '100644' : '40000'
      const names = Array.from({ length: 10 }, (_, n) => entry(mode, `f${n}`, id))
      id = await object('tree', Buffer.concat(names))
    }
    const pushed = await pushTree(entry('40000', 'bomb', id))
    expect(pushed).toMatchObject({ code: 1, isDeployed: false, output: expect.stringContaining('DOZEN_SOURCE_LIMIT') })
  }, 60_000)
  it.each([
    ['a line feed', 'a\nb'], ['a leading dash', '-rf'], ['255 bytes', 'n'.repeat(255)], ['invalid UTF-8', Buffer.from([0x66, 0xff, 0xfe])], ['a quote', `a'b"c`],
  ])('takes %s in a file name (ABUSE 24)', async (_, name) => {
    const blob = await object('blob', Buffer.from('x'))
    expect(await pushTree(entry('100644', name, blob))).toMatchObject({ code: 0, isDeployed: true })
  }, 30_000) // prettier-ignore
  it('cannot carry a setuid bit or a device (ABUSE 25)', async () => {
    const blob = await object('blob', Buffer.from('x'))
    const device = await pushTree(entry('020644', 'device', blob))
    expect(device.isDeployed && world.deployed.at(-1)!.files.has('device')).toBe(false)
    await pushTree(entry('104755', 'root', blob))
    const head = (await world.git(['--git-dir', world.repo, 'rev-parse', 'main'])).output.trim()
    const tar = join(world.folder, 'tree.tar')
    await world.git(['--git-dir', world.repo, 'archive', '--format=tar', '-o', tar, head])
    const modes: number[] = []
    const extract = createReadStream(tar).pipe(extractTar())
    for await (const one of extract as AsyncIterable<{ header: { mode: number }; resume(): void }>) {
      modes.push(one.header.mode)
      one.resume()
    }
    expect(modes.filter((mode) => mode & 0o6000)).toEqual([])
  }, 30_000)
  it('runs no hook, filter or attribute of its own here (ABUSE 26)', async () => {
    const run = '#!/bin/sh\ntouch ../marker\n'
    const files: [string, string][] = [
      ['.gitattributes', '* filter=evil diff=evil merge=evil export-subst\nsecret export-ignore\n'],
      ['.gitconfig', '[filter "evil"]\n\tclean = touch ../marker\n\tsmudge = touch ../marker\n[core]\n\thooksPath = hooks\n\tfsmonitor = touch ../marker\n'],
      ['pre-receive', run], ['secret', 'still there'], ['version', '$Format:%H$'],
    ] // prettier-ignore
    const entries = await Promise.all(
      files.map(async ([name, text]) => entry('100755', name, await object('blob', Buffer.from(text)))),
    )
    expect(await pushTree(...entries)).toMatchObject({ code: 0, isDeployed: true })
    expect(marker()).toBe(false)
    expect(world.deployed.at(-1)!.files.get('version') ?? '$Format:%H$').toBe('$Format:%H$')
    const settings = GIT_SETTINGS.join(' ')
    for (const one of [
      'transfer.fsckObjects=true',
      'protocol.allow=never',
      'submodule.recurse=false',
      'core.fsmonitor=false',
      'core.attributesFile=/dev/null',
    ])
      expect(settings).toContain(one)
    expect(Object.keys(gitEnvironment('/bin'))).not.toContain('GIT_SSH_COMMAND')
  }, 30_000)
})

describe('a ref', () => {
  it.each(['--upload-pack=x', 'a;touch ../marker', '$(touch ../marker)', 'x'.repeat(220), 'ä'])(
    'called %j is refused or taken, never run (ABUSE 8)',
    async (name) => {
      const before = world.deployed.length
      const pushed = await world.git(['push', world.url(), `HEAD:refs/heads/${name}`])
      expect(pushed.code).not.toBe(0)
      expect([marker(), world.deployed.length]).toEqual([false, before])
    },
    30_000,
  )
  it('may come with very many others: refused (ABUSE 33)', async () => {
    const head = (await world.git(['rev-parse', 'HEAD'])).output.trim()
    const names = Array.from({ length: 4000 }, (_, n) => `create refs/heads/many-${n} ${head}`).join('\n')
    await world.git(['update-ref', '--stdin'], `${names}\n`)
    const before = world.deployed.length
    const pushed = await world.git(['push', world.url(), 'refs/heads/many-*:refs/heads/many-*'])
    expect(pushed.code).not.toBe(0)
    expect(world.deployed).toHaveLength(before)
    await world.git(['update-ref', '--stdin'], names.replaceAll('create', 'delete') + '\n')
  }, 60_000)
})

describe('an address', () => {
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number; text: string; auth: string | undefined }>((resolve, reject) => {
      request({ port: world.port, path, method, headers }, (res) => {
        let text = ''
        res.on('data', (part: Buffer) => (text += part.toString())).on('end', () => resolve({ status: res.statusCode!, text, auth: res.headers['www-authenticate'] }))
      }).on('error', reject).end()
    }) // prettier-ignore
  const right = { authorization: `Basic ${btoa(':right')}` }
  const query = '/info/refs?service=git-receive-pack'

  it('of another app, of none, and one that tries to leave answer alike (ABUSE 27)', async () => {
    const answers = await Promise.all(
      ['/other.git', '/SHOP.git', '/nothing.git', '/shop.git/../other.git', '/%2e%2e/a1.git', '/..%2fa1.git'].map((path) =>
        ask(path + query, right),
      ),
    )
    expect(new Set(answers.slice(0, 3).map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ status }) => status !== 404 && status !== 403)).toEqual([])
  })
  it('wants a token before it reads a body, also one that waits for 100 Continue (ABUSE 28)', async () => {
    const seen = await new Promise<string>((resolve) => {
      const socket = connect(world.port, '127.0.0.1')
      let text = ''
      socket.on('data', (part) => (text += part.toString())).on('close', () => resolve(text)).on('error', () => {})
      socket.write('POST /shop.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n')
      socket.setTimeout(5000, () => socket.destroy())
    }) // prettier-ignore
    expect(seen).toMatch(/HTTP\/1\.1 401[\s\S]*WWW-Authenticate: Basic/i)
    expect((await ask(`/shop.git${query}`, { authorization: `Basic ${btoa(':wrong')}` })).status).toBe(401)
  })
  it.each(['/HEAD', '/config', '/objects/info/packs', '/info/refs', '/objects/../../secret.key'])('%s of the dumb protocol is not served (ABUSE 29)', async (path) => {
    expect([403, 404]).toContain((await ask(`/shop.git${path}`, right)).status)
  }) // prettier-ignore
})

describe('a body', () => {
  const post = (body: AsyncIterable<Buffer> | Buffer[], headers: Record<string, string> = {}) =>
    new Promise<{ text: string; ended: boolean }>((resolve) => {
      let text = ''
      const req = request({
        port: world.port, path: '/shop.git/git-receive-pack', method: 'POST',
        headers: { authorization: `Basic ${btoa(':right')}`, 'content-type': 'application/x-git-receive-pack-request', ...headers },
      }) // prettier-ignore
      req.on('response', (res) => {
        res.on('data', (part: Buffer) => (text += part.toString())).on('close', () => resolve({ text, ended: res.complete }))
      }) // prettier-ignore
      req.on('error', () => resolve({ text, ended: false }))
      void (async () => {
        for await (const part of body) if (!req.write(part)) await new Promise((go) => req.once('drain', go).once('close', go))
        req.end()
      })().catch(() => {})
    })

  it('that blows up when it is unpacked is cut off (ABUSE 30)', async () => {
    const command = Buffer.from(`${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/main\0 report-status side-band-64k`)
    const framed = Buffer.concat([Buffer.from((command.length + 4).toString(16).padStart(4, '0')), command, Buffer.from('0000')])
    const sizeOf = (bytes: number) =>
      Buffer.from([0xb0 | (bytes & 15), ...[4, 11, 18, 25].map((shift, n) => ((bytes >> shift) & 127) | (n < 3 ? 128 : 0))]) // gitformat-pack
    const head = Buffer.from('PACK\0\0\0\x02\0\0\0\x01', 'latin1')
    const inside = deflateSync(Buffer.alloc(64 * 1024 ** 2), { level: 0 })
    const bomb = gzipSync(Buffer.concat([framed, head, sizeOf(64 * 1024 ** 2), inside]))
    expect(bomb.length).toBeLessThan(256 * 1024)
    const { text } = await post([bomb], { 'content-encoding': 'gzip' })
    expect(text).toContain('DOZEN_SOURCE_LIMIT')
    expect(incoming()).toEqual([])
  }, 30_000)
  it('that comes a byte at a time ends after the time for it (ABUSE 30)', async () => {
    async function* drop() {
      yield Buffer.from('fff0') // a line of 65,520 bytes follows, it says
      for (;;) {
        yield Buffer.from('f')
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    expect((await post(drop())).ended).toBe(false)
  }, 30_000)
  it('larger than the limit is refused with the number and the setting, and nothing of it stays (ABUSE 31)', async () => {
    const blob = await object('blob', (await import('node:crypto')).randomBytes(3 * 1024 * 1024))
    const pushed = await pushTree(entry('100644', 'big', blob))
    expect(pushed).toMatchObject({ code: 1, isDeployed: false })
    expect(pushed.output).toMatch(/larger than 1048576 bytes \(DOZEN_SOURCE_LIMIT\)/)
    expect(incoming()).toEqual([])
  }, 30_000)
})

it('a token is in nothing that git prints, and not in the command line of its child (ABUSE 37)', async () => {
  await world.commit('web: again')
  const pushed = await world.git([
    'push',
    '--force',
    '--verbose',
    `http://any:right@127.0.0.1:${world.port}/shop.git`,
    'HEAD:main',
  ])
  expect(pushed.code, pushed.output).toBe(0)
  expect(pushed.output).not.toContain('right@')
}, 30_000)
