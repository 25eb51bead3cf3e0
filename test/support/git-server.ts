import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import express from 'express'
import type { Caller } from '../../server/accounts/accounts.ts'
import { tokenOf } from '../../server/api/auth.ts'
import { spool } from '../../server/builds/spool.ts'
import { textFiles } from '../../server/builds/archive.ts'
import { systemClock } from '../../server/clock.ts'
import { AppError, notFound } from '../../server/errors.ts'
import { receiver } from '../../server/git/receiver.ts'
import { repos } from '../../server/git/repos.ts'
import { smartHttp } from '../../server/git/smart-http.ts'
import { systemIds as ids } from '../../server/ids.ts'

export type Deployed = { commit: string; files: Map<string, string> }

/** `hasPerl`: which of the two hooks; default: by what the machine has. */
type Options = { maxPackBytes?: number; transferMs?: number; hasPerl?: boolean }

/** Our git over HTTP with real git on both ends; only the deploy is played. The one app is `shop`, the one token `right`. */
export async function gitServer({ maxPackBytes = 1024 * 1024, transferMs = 2000, hasPerl }: Options = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-git-'))
  const work = join(folder, 'work')
  const deployed: Deployed[] = []
  const verdict = { is: 'accept' as 'accept' | 'refuse' }
  const hookProgram = join(folder, 'hook.mjs')
  await build({
    entryPoints: [new URL('../../server/git/hook/main.ts', import.meta.url).pathname],
    outfile: hookProgram,
    bundle: true,
    platform: 'node',
    format: 'esm',
  })
  const hooksFolder = join(folder, 'hooks')
  const rooms = repos({
    folder: join(folder, 'repos'),
    hooksFolder,
    hookProgram,
    path: process.env.PATH,
    ...(hasPerl !== undefined && { hasPerl: () => hasPerl }),
  })
  mkdirSync(join(folder, 'repos'))
  rooms.create('a1')
  const deploy: Parameters<typeof receiver>[0]['deploy'] = async (_push, { tar, commit }, { log, signal }) => {
    const source = await spool(tar, { limitBytes: 16 * 1024 ** 2, signal })
    deployed.push({ commit, files: await textFiles(source.open()) })
    log('-----> \x1b[32mBuilding\x1b[0m \x1b]0;title\x07\x1b[2J')
    if (verdict.is === 'refuse') throw new AppError('build_failed', 'The build failed: no.')
  }
  const pushes = receiver({ socketPath: join(folder, 'git.sock'), ids, deploy, onError: () => {} })
  await pushes.start()
  const callerOf = (req: Parameters<typeof tokenOf>[0]) => {
    if (tokenOf(req) !== 'right') throw new AppError('unauthorized', 'No.')
    return { account: {}, token: {} } as unknown as Caller
  }
  const findApp = (_: Caller, name: string) => {
    if (name !== 'shop') throw notFound('app')
    return { id: 'a1', name } as never
  }
  const deps: Parameters<typeof smartHttp>[0] = {
    accounts: {} as never,
    callerOf,
    findApp,
    repoOf: rooms.pathOf,
    hooksFolder,
    announce: pushes.announce,
    expectPush: () => {},
    path: process.env.PATH,
    maxPackBytes,
    clock: systemClock,
    transferMs,
  }
  const server = createServer(express().use(smartHttp(deps))).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  mkdirSync(work)

  /** Real git in the pusher's folder; `input` is its stdin. */
  function git(args: string[], input = ''): Promise<{ code: number; output: string }> {
    const env = { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' }
    const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.com']
    return new Promise((resolve) => {
      const child = execFile('git', [...identity, ...args], { cwd: work, env }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
      )
      child.stdin!.on('error', () => {}).end(input)
    })
  }
  await git(['init', '--quiet', '--initial-branch=main'])

  return {
    folder,
    work,
    repo: rooms.pathOf('a1'),
    port,
    deployed,
    verdict,
    git,
    url: (token = 'right', app = 'shop') => `http://any:${token}@127.0.0.1:${port}/${app}.git`,
    async commit(text: string): Promise<string> {
      writeFileSync(join(work, 'Procfile'), text)
      await git(['add', '--all'])
      await git(['commit', '--quiet', '--allow-empty', '-m', text])
      return (await git(['rev-parse', 'HEAD'])).output.trim()
    },
    close() {
      pushes.close()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
export type GitServer = Awaited<ReturnType<typeof gitServer>>
