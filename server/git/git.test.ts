import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { gitServer, type GitServer } from '../../test/support/git-server.ts'
import { history } from './history.ts'

let world: GitServer
const git = (...args: string[]) => world.git(args)
const url: GitServer['url'] = (...all) => world.url(...all)
const commit = (text: string) => world.commit(text)

beforeAll(async () => {
  world = await gitServer()
}, 30_000)
afterAll(() => world.close())

const remoteMain = async () => (await git('ls-remote', url(), 'refs/heads/main')).output.split('\t')[0]

it('deploys the pushed tree, shows its output without what could steer a terminal, and moves the branch (ABUSE 36)', async () => {
  const id = await commit('web: one')
  const { code, output } = await git('push', url(), 'HEAD:main')
  expect(code, output).toBe(0)
  expect(world.deployed.at(-1)).toMatchObject({ commit: id })
  expect(world.deployed.at(-1)!.files.get('Procfile')).toBe('web: one')
  expect(output).toContain('-----> \x1b[32mBuilding\x1b[0m')
  expect(output).not.toMatch(/\x1b\]|\x1b\[2J|\x07/)
  expect(await remoteMain()).toBe(id)
}, 20_000)

it('leaves everything as it was when the deploy fails (ABUSE 34)', async () => {
  const before = await remoteMain()
  await commit('web: two')
  world.verdict.is = 'refuse'
  const { code, output } = await git('push', url(), 'HEAD:main')
  world.verdict.is = 'accept'
  expect(code).toBe(1)
  expect(output).toContain('The build failed: no.')
  expect(await remoteMain()).toBe(before)
  expect(readdirSync(join(world.repo, 'objects')).filter((name) => name.includes('incoming'))).toEqual([])
}, 20_000)

it.each([
  ['another branch', ['HEAD:refs/heads/feature'], 'Only main (or master) is deployed, not feature'],
  ['a tag', ['HEAD:refs/tags/v1'], 'not v1'],
  ['two branches', ['HEAD:main', 'HEAD:master'], 'Push one branch'],
  ['a deletion', [':main'], ''],
])(
  'refuses %s with a sentence',
  async (_, refs, sentence) => {
    const count = world.deployed.length
    const { code, output } = await git('push', url(), ...refs)
    expect(code).toBe(1)
    expect(output).toContain(sentence)
    expect(world.deployed).toHaveLength(count)
  },
  20_000,
)

it('answers 401 to a wrong token, 404 to an unknown app, and never the dumb protocol', async () => {
  const bare = url().replace('any:right@', '')
  const status = async (path: string, token?: string) =>
    (await fetch(bare + path, { headers: token ? { authorization: `Basic ${btoa(`:${token}`)}` } : {} })).status
  const refused = await fetch(`${bare}/git-receive-pack`, { method: 'POST', body: 'x' })
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="dozen"'])
  expect(await status('/info/refs?service=git-upload-pack', 'wrong')).toBe(401)
  expect(await status('/info/refs', 'right')).toBe(403)
  expect(await status('/HEAD', 'right')).toBe(403)
  expect(await status('/../other.git/info/refs?service=git-upload-pack', 'right')).toBe(404)
})

it('gives the repository back to who clones it', async () => {
  const { code, output } = await git('clone', '--quiet', url(), join(world.folder, 'clone'))
  expect(code, output).toBe(0)
  expect(readdirSync(join(world.folder, 'clone'))).toContain('Procfile')
}, 20_000)

it('deploys and refuses alike with the hook for Node.js, where there is no Perl', async () => {
  const server = await gitServer({ hasPerl: false })
  try {
    const id = await server.commit('web: one')
    const { code, output } = await server.git(['push', server.url(), 'HEAD:main'])
    expect(code, output).toBe(0)
    expect(server.deployed).toMatchObject([{ commit: id }])
    server.verdict.is = 'refuse'
    await server.commit('web: two')
    const refused = await server.git(['push', server.url(), 'HEAD:main'])
    expect(refused.code).toBe(1)
    expect(refused.output).toContain('The build failed: no.')
  } finally {
    server.close()
  }
}, 30_000)

it('tells the commits between two that it has, both ways, and none of what it does not have', async () => {
  const server = await gitServer()
  try {
    const [one, two, three] = [
      await server.commit('web: one'),
      await server.commit('web: two'),
      await server.commit('web: three'),
    ]
    await server.git(['push', server.url(), 'HEAD:main'])
    const { between } = history({ pathOf: () => server.repo, path: process.env['PATH'] })
    const titled = (id: string) => ({ id, title: expect.stringMatching(/./) as string })
    expect(await between('shop', one, three)).toEqual({ added: [titled(three), titled(two)], removed: [] })
    expect(await between('shop', three, two)).toEqual({ added: [], removed: [titled(three)] })
    for (const unknown of ['f'.repeat(40), '--output=/tmp/x', null])
      expect(await between('shop', unknown, three)).toEqual({ added: [], removed: [] })
  } finally {
    server.close()
  }
}, 30_000)
