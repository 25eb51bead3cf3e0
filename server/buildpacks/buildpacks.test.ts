import { beforeEach, describe, expect, it } from 'vitest'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tar from 'tar-stream'
import { afterEach } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { systemClock as clock } from '../clock.ts'
import { sizeOf } from '../disk/usage.ts'
import { outsideAddress } from '../outside.ts'
import { buildpacks } from './buildpacks.ts'
import { buildpackFetcher } from './fetch.ts'
import { canonical, parseReference } from './reference.ts'

describe('a buildpack reference', () => {
  it.each([
    ['nodejs', 'heroku/nodejs'],
    ['heroku/nodejs', 'heroku/nodejs'],
    ['urn:buildpack:heroku/python', 'heroku/python'],
    ['https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/ruby.tgz', 'heroku/ruby'],
    ['https://example.com/a/b.git#v1.2/x', 'https://example.com/a/b.git#v1.2/x'],
    ['file:///srv/bp', 'file:///srv/bp'],
    ['/srv/bp#main', '/srv/bp#main'],
  ])('%s is %s', (text, kept) => expect(canonical(parseReference(text))).toBe(kept))

  it.each([
    'heroku/cobol', 'ext::sh -c id', 'git@example.com:a/b', 'ssh://example.com/a', '--upload-pack=id', 'https://u:p@example.com/a', 'ftp://x/y', '../bp',
    'https://example.com/a#--output=x', 'https://example.com/a#a..b', 'https://example.com/a#b#c', 'https://', 'file://host/x', '', 'https://exa mple.com/', `https://x/${'a'.repeat(600)}`,
  ])('%s is refused', (text) => expect(() => parseReference(text)).toThrow(/buildpack|branch/i)) // prettier-ignore
})

describe("an app's buildpacks", () => {
  const lines: string[] = []
  const make = (mayUseHost = false) =>
    buildpacks({ db: shopDb(), logs: { publish: ({ text }) => lines.push(text) }, mayUseHost: () => mayUseHost })

  it('are a whole list, told in the log', () => {
    const packs = make()
    expect(packs.set(shop, user, ['nodejs', 'https://example.com/x'])).toEqual(['heroku/nodejs', 'https://example.com/x'])
    expect(packs.list(shop.id)).toEqual(['heroku/nodejs', 'https://example.com/x'])
    expect(lines.at(-1)).toBe(`Set buildpacks to heroku/nodejs, https://example.com/x by user ${user.email}`)
    expect(() => packs.set(shop, user, ['python', 'ext::id'])).toThrow('is no buildpack')
    expect(() => packs.set(shop, user, ['python', 'heroku/python'])).toThrow('twice')
    expect(packs.list(shop.id)).toHaveLength(2)
    packs.set(shop, user, [])
    expect(packs.list(shop.id)).toEqual([])
  })
  it('come from a folder of the machine only for an admin', () => {
    expect(() => make().set(shop, user, ['/srv/bp'])).toThrow('Only an admin')
    expect(make(true).set(shop, user, ['/srv/bp'])).toEqual(['/srv/bp'])
  })
})

describe('fetching', () => {
  let folder: string
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: folder, encoding: 'utf8' }).trim() // prettier-ignore
  const fetch = buildpackFetcher({
    env: { PATH: process.env['PATH']!, HOME: '/nonexistent' },
    maxBytes: 1024 ** 2,
    sizeOf,
    clock,
  })
  const { signal } = new AbortController()
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dozen-test-bp-'))
    git('init', '-q', '-b', 'main')
    for (const version of ['one', 'two']) {
      writeFileSync(join(folder, 'version'), version)
      git('add', '-A')
      git('commit', '-qm', version)
      git('tag', `v-${version}`)
    }
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  async function versionIn(fetched: Awaited<ReturnType<typeof fetch>>[number]) {
    const extract = tar.extract()
    extract.end('tar' in fetched ? fetched.tar : undefined)
    for await (const entry of extract) {
      let text = ''
      for await (const chunk of entry) text += String(chunk)
      if (entry.header.name === 'version') return text
    }
  }

  it('takes the ref asked for and names the commit', async () => {
    const first = git('rev-parse', 'v-one')
    for (const [ref, version] of [
      ['', 'two'],
      ['#main', 'two'],
      ['#v-one', 'one'],
      [`#${first}`, 'one'],
      [`#${first.slice(0, 10)}`, 'one'],
    ] as const) {
      // prettier-ignore
      const [fetched] = await fetch([folder + ref], signal)
      expect([fetched!.name, await versionIn(fetched!)]).toEqual([`${folder}#${git('rev-parse', `v-${version}`)}`, version])
    }
    expect(await fetch(['heroku/nodejs'], signal)).toEqual([{ name: 'nodejs' }])
  })
  it.each([
    ['its tree', (text: string) => Buffer.from(text.repeat(100_000))],
    ['what is fetched', () => randomBytes(3 * 1024 ** 2)],
  ])('is given up when %s is larger than the limit, which is named', async (_, content) => {
    writeFileSync(join(folder, 'large'), content('twenty letters long.'))
    git('add', '-A')
    git('commit', '-qm', 'large')
    await expect(fetch([folder], signal)).rejects.toThrow(/larger than 1048576 bytes \(DOZEN_BUILDPACK_LIMIT\)/)
  })
  describe('from a server', () => {
    let asked: string[]
    let server: Server
    let port: number
    beforeEach(async () => {
      asked = []
      server = createServer((req, res) => {
        asked.push(`${req.headers.host} ${req.url}`)
        res.writeHead(302, { location: `http://127.0.0.1:${port}/secret` }).end()
      }).listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      port = (server.address() as AddressInfo).port
    })
    afterEach(() => void server.close())
    const asking = (addressOf: (host: string) => Promise<string>) =>
      buildpackFetcher({ env: { PATH: process.env['PATH']!, HOME: '/nonexistent', GIT_TERMINAL_PROMPT: '0' }, maxBytes: 1024 ** 2, sizeOf, clock, addressOf }) // prettier-ignore

    it.each(['127.0.0.1', '[::1]', 'localhost', '169.254.169.254', '0x7f000001'])(
      'asks nothing of %s, which is inside (ABUSE 70)',
      async (host) => {
        const fetching = asking(outsideAddress)([`http://${host}:${port}/x.git`], signal)
        await expect(fetching).rejects.toThrow(/could not be fetched: .* inside this machine or its network/)
        expect(asked).toEqual([])
      },
    )
    it('asks the address that was looked at, whatever the name leads to then, and follows it nowhere else (ABUSE 70)', async () => {
      await expect(asking(async () => '127.0.0.1')([`http://buildpacks.invalid:${port}/x.git`], signal)).rejects.toThrow(/302/)
      expect(asked).toEqual([`buildpacks.invalid:${port} /x.git/info/refs?service=git-upload-pack`])
    })
  })
  it('says what git said', async () => {
    await expect(fetch([`${folder}#nope`], signal)).rejects.toMatchObject({ code: 'build_failed', message: expect.stringContaining('at nope could not be fetched') as string }) // prettier-ignore
    await expect(fetch(['/nonexistent/bp'], signal)).rejects.toMatchObject({ message: expect.stringContaining('git ls-remote /nonexistent/bp') as string }) // prettier-ignore
  })
})
