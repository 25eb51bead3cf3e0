import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import express from 'express'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Caller } from '../accounts/accounts.ts'
import { tokenOf } from '../api/auth.ts'
import { textFiles } from '../builds/archive.ts'
import { AppError, notFound } from '../errors.ts'
import { systemIds as ids } from '../ids.ts'
import { receiver } from './receiver.ts'
import { repos } from './repos.ts'
import { smartHttp } from './smart-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-git-'))
const work = join(folder, 'work')
const deployed: { commit: string; files: Map<string, string> }[] = []
let verdict: 'accept' | 'refuse' = 'accept'
let server: Server
let pushes: ReturnType<typeof receiver>
let url: (token?: string, app?: string) => string

function git(...args: string[]): Promise<{ code: number; output: string }> {
  const env = { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' }
  const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.com']
  return new Promise((resolve) =>
    execFile('git', [...identity, ...args], { cwd: work, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    ),
  )
}

beforeAll(async () => {
  const hookProgram = join(folder, 'hook.mjs')
  await build({
    entryPoints: [new URL('./hook/main.ts', import.meta.url).pathname],
    outfile: hookProgram,
    bundle: true,
    platform: 'node',
    format: 'esm',
  })
  const rooms = repos({ folder: join(folder, 'repos'), hooksFolder: join(folder, 'hooks'), hookProgram, path: process.env.PATH })
  mkdirSync(join(folder, 'repos'))
  rooms.create('a1')
  const deploy: Parameters<typeof receiver>[0]['deploy'] = async (_push, { tar, commit }, { log }) => {
    deployed.push({ commit, files: await textFiles(tar) })
    log('-----> \x1b[32mBuilding\x1b[0m \x1b]0;title\x07\x1b[2J')
    if (verdict === 'refuse') throw new AppError('build_failed', 'The build failed: no.')
  }
  pushes = receiver({ socketPath: join(folder, 'git.sock'), ids, deploy, onError: () => {} })
  await pushes.start()
  const callerOf = (req: Parameters<typeof tokenOf>[0]) => {
    if (tokenOf(req) !== 'right') throw new AppError('unauthorized', 'No.')
    return { account: {}, token: {} } as unknown as Caller
  }
  const findApp = (_: Caller, name: string) => {
    if (name !== 'shop') throw notFound('app')
    return { id: 'a1', name } as never
  }
  const deps = {
    accounts: {} as never,
    callerOf,
    findApp,
    repoOf: rooms.pathOf,
    hooksFolder: join(folder, 'hooks'),
    announce: pushes.announce,
    expectPush: () => {},
    path: process.env.PATH,
    maxPackBytes: 1024 * 1024,
  }
  server = createServer(express().use(smartHttp(deps))).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  url = (token = 'right', app = 'shop') => `http://any:${token}@127.0.0.1:${(server.address() as AddressInfo).port}/${app}.git`
  mkdirSync(work)
  await git('init', '--quiet', '--initial-branch=main')
}, 30_000)
afterAll(() => {
  pushes.close()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function commit(text: string): Promise<string> {
  writeFileSync(join(work, 'Procfile'), text)
  await git('add', '--all')
  await git('commit', '--quiet', '--allow-empty', '-m', text)
  return (await git('rev-parse', 'HEAD')).output.trim()
}
const remoteMain = async () => (await git('ls-remote', url(), 'refs/heads/main')).output.split('\t')[0]

it('deploys the pushed tree, shows its output without what could steer a terminal, and moves the branch', async () => {
  const id = await commit('web: one')
  const { code, output } = await git('push', url(), 'HEAD:main')
  expect(code, output).toBe(0)
  expect(deployed.at(-1)).toMatchObject({ commit: id })
  expect(deployed.at(-1)!.files.get('Procfile')).toBe('web: one')
  expect(output).toContain('-----> \x1b[32mBuilding\x1b[0m')
  expect(output).not.toMatch(/\x1b\]|\x1b\[2J|\x07/)
  expect(await remoteMain()).toBe(id)
}, 20_000)

it('leaves everything as it was when the deploy fails', async () => {
  const before = await remoteMain()
  await commit('web: two')
  verdict = 'refuse'
  const { code, output } = await git('push', url(), 'HEAD:main')
  verdict = 'accept'
  expect(code).toBe(1)
  expect(output).toContain('The build failed: no.')
  expect(await remoteMain()).toBe(before)
  expect(readdirSync(join(folder, 'repos', 'a1.git', 'objects')).filter((name) => name.includes('incoming'))).toEqual([])
}, 20_000)

it.each([
  ['another branch', ['HEAD:refs/heads/feature'], 'Only main (or master) is deployed, not feature'],
  ['a tag', ['HEAD:refs/tags/v1'], 'not v1'],
  ['two branches', ['HEAD:main', 'HEAD:master'], 'Push one branch'],
  ['a deletion', [':main'], ''],
])(
  'refuses %s with a sentence',
  async (_, refs, sentence) => {
    const count = deployed.length
    const { code, output } = await git('push', url(), ...refs)
    expect(code).toBe(1)
    expect(output).toContain(sentence)
    expect(deployed).toHaveLength(count)
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
  const { code, output } = await git('clone', '--quiet', url(), join(folder, 'clone'))
  expect(code, output).toBe(0)
  expect(readdirSync(join(folder, 'clone'))).toContain('Procfile')
}, 20_000)
