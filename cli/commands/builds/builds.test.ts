import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Asked, transcript } from '../../support/fixed-server.ts'
import { app, build, release } from '../../support/samples.ts'
import { sourceOf } from '../../source.ts'

const env = { DOZEN_APP: 'shop' }
let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dozen-cli-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], { cwd: folder, encoding: 'utf8' }).trim()

/** name → "mode content" (or "→ target") of what a deploy of the folder sends. */
async function sent(path = folder): Promise<Record<string, string>> {
  const { tar } = await sourceOf(path)
  const chunks: Buffer[] = []
  for await (const chunk of tar()) chunks.push(chunk as Buffer)
  const files: Record<string, string> = {}
  const reader = extract()
  reader.end(gunzipSync(Buffer.concat(chunks)))
  for await (const entry of reader) {
    let text = ''
    for await (const chunk of entry) text += String(chunk)
    files[entry.header.name] = entry.header.linkname ? `→ ${entry.header.linkname}` : `${entry.header.mode!.toString(8)} ${text}`
  }
  return files
}

it('sends what git would: ignored files stay here, modes, links and empty files arrive', async () => {
  git('init', '--quiet')
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, '.gitignore'), 'node_modules\n')
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'node_modules/x.js'), 'x')
  writeFileSync(join(folder, 'bin/run it'), 'run')
  chmodSync(join(folder, 'bin/run it'), 0o700)
  writeFileSync(join(folder, 'empty'), '')
  symlinkSync('bin/run it', join(folder, 'link'))
  expect(await sent()).toEqual({
    '.gitignore': '644 node_modules\n',
    'bin/run it': '755 run',
    empty: '644 ',
    link: '→ bin/run it',
  })
})

it('names the commit only when the folder is exactly that', async () => {
  git('init', '--quiet')
  writeFileSync(join(folder, 'a'), 'a')
  git('add', '.')
  git('commit', '-qm', 'one')
  expect((await sourceOf(folder)).version).toBe(git('rev-parse', 'HEAD'))
  writeFileSync(join(folder, 'a'), 'changed')
  expect((await sourceOf(folder)).version).toBeNull()
})

it('sends everything of a folder that is no repository', async () => {
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  writeFileSync(join(folder, 'a/b/c'), 'c')
  expect(await sent()).toEqual({ 'a/b/c': '644 c' })
})

it('refuses what it cannot send', async () => {
  writeFileSync(join(folder, 'x.zip'), '')
  await expect(sourceOf(join(folder, 'x.zip'))).rejects.toThrow('neither a folder nor a .tar')
  await expect(sourceOf(join(folder, 'nope'))).rejects.toThrow('There is no')
})

const ROUTES = {
  'POST /apps/shop/sources': { source_blob: { put_url: '/sources/1', get_url: 'http://api/sources/1' } },
  'PUT /sources/1': {},
  'POST /apps/shop/builds': build('b1', { status: 'pending' }),
  'GET /streams/build': (_: Asked, response: never) =>
    (response as NodeJS.WritableStream).end('-----> Node.js app detected\n-----> Done\n'),
  'GET /apps/shop/builds': [build('b1'), build('b0', { status: 'failed', created_at: '2025-12-31T00:00:00Z' })],
  'GET /apps/shop/builds/b1': build('b1'),
  'GET /apps/shop/releases/r7': release(7),
  'GET /apps/shop/releases/7': release(7),
  'GET /apps/shop': app('shop'),
  'DELETE /apps/shop/builds/b1': build('b1', { status: 'failed' }),
}

it('deploys a folder: sends it, shows the build, waits for the release, ends with the URL', async () => {
  writeFileSync(join(folder, 'Procfile'), 'web: node server.js\n')
  const { text, changes, asked } = await transcript(ROUTES, [['deploy']], { env, cwd: folder })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen deploy
    -----> Node.js app detected
    -----> Done
    http://shop.localhost:8080/
    ! Sending . to shop... done
    ! Waiting for v7 to serve... done, no traffic was measured
    "
  `)
  expect(changes.at(-1)).toEqual(['POST /apps/shop/builds', { source_blob: { url: 'http://api/sources/1', version: null } }])
  const put = asked.find(({ method }) => method === 'PUT')!
  expect(String(put.body).length).toBeGreaterThan(20)
  expect(put.headers.authorization).toBeUndefined()
})

it('deploys an image by its reference', async () => {
  const { changes } = await transcript(ROUTES, [['deploy', '--image', 'host:5000/shop:v2']], { env, cwd: folder })
  expect(changes).toEqual([
    ['POST /apps/shop/builds', { source_blob: { url: 'docker://host:5000/shop:v2', version: 'host:5000/shop:v2' } }],
  ])
})

it('ends with status 1 when the build fails', async () => {
  writeFileSync(join(folder, 'Procfile'), 'web: x\n')
  const routes = { ...ROUTES, 'GET /apps/shop/builds/b1': build('b1', { status: 'failed', release: null }) }
  const { text } = await transcript(routes, [['deploy', '.']], { env, cwd: folder })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen deploy .
    -----> Node.js app detected
    -----> Done
    ! Sending . to shop... done
    ! Error: The build failed.
    ! What ran before still runs.
    [status 1]
    "
  `)
})

it('lists builds, shows one, prints its output and stops it', async () => {
  const { text } = await transcript(ROUTES, [['builds'], ['builds:info'], ['builds:output', 'b1'], ['builds:cancel']], { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen builds
    === shop Builds
    3  b1  succeeded  77777777  me@example.com  2026/01/01 11:58:30 +0000 (~ 1m ago)
    3  b0  failed     77777777  me@example.com  2025/12/31 00:00:00 +0000 (~ 1d ago)

    $ dozen builds:info
    Build:       3  b1
    Status:      succeeded
    Version:     7777777777777777777777777777777777777777
    Stack:       dozen-24
    Buildpacks:  nodejs
    By:          me@example.com
    When:        2026/01/01 11:58:30 +0000 (~ 1m ago)
    Took:        source 0.0 s, build 2.3 s, image 0.4 s
    Size:        469.5 MiB
    Built in:    sha256:b1
    Stands on:   sha256:r1

    $ dozen builds:output b1
    -----> Node.js app detected
    -----> Done

    $ dozen builds:cancel
    ! Stopping build b1... done
    "
  `)
})
