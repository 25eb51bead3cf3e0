import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { appOfRemote, connectRepository, findApp, git } from './git.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-cli-'))
  execFileSync('git', ['init', '--quiet'], { cwd: folder })
})
afterEach(() => rmSync(folder, { recursive: true }))

it.each([
  ['http://127.0.0.1:5170/shop.git', 'shop'],
  ['https://paas.example.com/my-shop.git/', 'my-shop'],
  ['https://paas.example.com/shop', 'shop'],
  ['https://paas.example.com/Shop.git', undefined],
  ['git@github.com:me/x.git', undefined],
  ['', undefined],
])('the app of %j is %s', (url, app) => expect(appOfRemote(url)).toBe(app))

it('takes -a before DOZEN_APP before the remote, and says what to do without any', async () => {
  await expect(findApp(undefined, {}, folder)).rejects.toThrow('Which app?')
  await connectRepository(folder, { url: 'http://127.0.0.1:5170/remote.git', program: '/bin/dozen' })
  expect(await findApp(undefined, {}, folder)).toBe('remote')
  expect(await findApp(undefined, { DOZEN_APP: 'variable' }, folder)).toBe('variable')
  expect(await findApp('option', { DOZEN_APP: 'variable' }, folder)).toBe('option')
})

it('hands git a helper that it can run, wherever the program is', async () => {
  const url = 'http://127.0.0.1:5170/shop.git'
  await connectRepository(folder, { url, program: "/opt/my program's/echo" })
  await connectRepository(folder, { url, program: "/opt/it's/dozen" })
  const helpers = await git(folder, 'config', '--get-all', 'credential.http://127.0.0.1:5170.helper')
  expect(helpers).toBe("\n!'/opt/it'\\''s/dozen' git:credentials")
})
