import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendJson, transcript } from '../../support/fixed-server.ts'
import { account, app, domain, dyno } from '../../support/samples.ts'

const ROUTES = {
  'GET /account': account,
  'GET /apps': [app('shop'), app('blog', { owner: { id: 'u2', email: 'you@example.com' } })],
  'GET /apps/shop': app('shop', { maintenance: true }),
  'GET /apps/shop/domains': [domain('shop.localhost', 'heroku'), domain('shop.example.com', 'custom')],
  'GET /apps/shop/dynos': [dyno('web.1'), dyno('web.2'), dyno('worker.1')],
  'POST /apps': app('calm-river-4821'),
  'DELETE /apps/shop': app('shop'),
  'PATCH /apps/shop': app('store'),
}

it('lists, shows and opens apps', async () => {
  const { text } = await transcript(ROUTES, [
    ['apps'],
    ['info', '-a', 'shop'],
    ['open', '-a', 'shop'],
    ['open', '-a', 'shop', 'cart?x=1'],
  ])
  expect(text).toMatchInlineSnapshot(`
    "$ dozen apps
    === me@example.com Apps
    shop  http://shop.localhost:8080/
    blog  http://blog.localhost:8080/  you@example.com

    $ dozen info -a shop
    === shop
    Web URL:      http://shop.localhost:8080/
    Git URL:      http://127.0.0.1:5170/shop.git
    Owner:        me@example.com
    Stack:        dozen-24
    Dynos:        web: 2, worker: 1
    Domains:      shop.example.com
    Maintenance:  on
    Slug Size:    5.2 MiB
    Repo Size:    2.0 KiB
    Created:      2026/01/01 11:58:30 +0000 (~ 1m ago)
    Released:     2026/01/01 11:58:30 +0000 (~ 1m ago)

    $ dozen open -a shop
    http://shop.localhost:8080/

    $ dozen open -a shop cart?x=1
    http://shop.localhost:8080/cart?x=1
    "
  `)
})

it('says what to do when there is no app, no such app, no name and no such command', async () => {
  const { text } = await transcript({ 'GET /apps': [], 'GET /account': account }, [
    ['apps'],
    ['info', '-a', 'nope'],
    ['info'],
    ['inof'],
    ['apps', '--jsn'],
  ])
  expect(text).toMatchInlineSnapshot(`
    "$ dozen apps
    ! You have no apps yet. Make one with \`dozen create\`.

    $ dozen info -a nope
    ! Error: Couldn't find that app.
    ! \`dozen apps\` lists yours.
    [status 1]

    $ dozen info
    ! Error: Which app? This folder has no git remote named dozen.
    ! Say it with -a NAME or DOZEN_APP, or make an app here with \`dozen create\`. \`dozen apps\` lists yours.
    [status 2]

    $ dozen inof
    ! Error: "inof" is no dozen command.
    ! Did you mean \`dozen info\`? \`dozen help\` lists them all.
    [status 2]

    $ dozen apps --jsn
    ! Error: Unknown option '--jsn'.
    ! (Did you mean --json?)
    ! \`dozen help apps\` shows how it is used.
    [status 2]
    "
  `)
})

it("prints the server's own sentence, and its warning once", async () => {
  const warn = { 'warning-message': 'The disk is nearly full.' }
  const routes = {
    'GET /apps': (_: unknown, response: never) => sendJson(response, 200, [app('shop')], warn),
    'GET /account': (_: unknown, response: never) => sendJson(response, 200, account, warn),
    'POST /apps': (_: unknown, response: never) =>
      sendJson(response, 422, { id: 'invalid_params', message: 'Name shop is already taken.' }),
  }
  const { text } = await transcript(routes, [['apps'], ['create', 'shop']])
  expect(text).toMatchInlineSnapshot(`
    "$ dozen apps
    === me@example.com Apps
    shop  http://shop.localhost:8080/
    ! Warning: The disk is nearly full.

    $ dozen create shop
    ! Creating shop... failed
    ! Error: Name shop is already taken.
    [status 1]
    "
  `)
})

it('destroys only what was named twice', async () => {
  const { text, changes } = await transcript(ROUTES, [
    ['destroy', '-a', 'shop'],
    ['destroy', '-a', 'shop', '--confirm', 'shot'],
    ['destroy', '-a', 'shop', '--confirm', 'shop'],
  ])
  expect(text).toMatchInlineSnapshot(`
    "$ dozen destroy -a shop
    ! Error: This destroys shop with its releases, logs and repository, for good.
    ! If you mean it, add --confirm shop
    [status 2]

    $ dozen destroy -a shop --confirm shot
    ! Error: The confirmation "shot" is not "shop": nothing was done.
    [status 2]

    $ dozen destroy -a shop --confirm shop
    ! Destroying shop... done
    "
  `)
  expect(changes).toEqual([['DELETE /apps/shop', undefined]])
})

describe('in a git repository', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-cli-'))
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' })
  beforeAll(() => void git('init', '--quiet'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('adds the remote and a credential helper, without a token in either', async () => {
    const { text, changes } = await transcript(ROUTES, [['create']], { cwd: folder })
    expect(text).toMatchInlineSnapshot(`
      "$ dozen create
      calm-river-4821 | http://calm-river-4821.localhost:8080/ | http://127.0.0.1:5170/calm-river-4821.git
      ! Creating app... done, calm-river-4821
      ! Git remote dozen added: deploy with \`git push dozen main\`
      "
    `)
    expect(changes).toEqual([['POST /apps', {}]])
    expect(git('config', '--local', '--get-regexp', 'remote|credential')).toMatchInlineSnapshot(`
      "credential.http://127.0.0.1:5170.helper 
      credential.http://127.0.0.1:5170.helper !/usr/local/bin/dozen git:credentials
      remote.dozen.url http://127.0.0.1:5170/calm-river-4821.git
      remote.dozen.fetch +refs/heads/*:refs/remotes/dozen/*
      "
    `)
  })

  it("finds the app by the remote, and leaves a remote to another app's repository alone", async () => {
    const routes = { ...ROUTES, 'GET /apps/calm-river-4821': app('calm-river-4821'), 'POST /apps': app('second') }
    const { text } = await transcript(routes, [['open'], ['create', 'second'], ['open']], { cwd: folder })
    expect(text).toMatchInlineSnapshot(`
      "$ dozen open
      http://calm-river-4821.localhost:8080/

      $ dozen create second
      second | http://second.localhost:8080/ | http://127.0.0.1:5170/second.git
      ! Creating second... done, second
      ! This folder's git remote dozen leads to another app and stays so; \`git remote set-url dozen http://127.0.0.1:5170/second.git\` changes it.

      $ dozen open
      http://calm-river-4821.localhost:8080/
      "
    `)
  })

  it('moves the remote along when the app gets another name', async () => {
    const routes = { 'GET /apps/calm-river-4821': app('calm-river-4821'), 'PATCH /apps/calm-river-4821': app('store') }
    const { text, changes } = await transcript(routes, [['apps:rename', 'store']], { cwd: folder })
    expect(text).toMatchInlineSnapshot(`
      "$ dozen apps:rename store
      http://store.localhost:8080/ | http://127.0.0.1:5170/store.git
      ! Renaming calm-river-4821 to store... done
      ! Git remote dozen updated
      "
    `)
    expect(changes).toEqual([['PATCH /apps/calm-river-4821', { name: 'store' }]])
    expect(git('remote', 'get-url', 'dozen').trim()).toBe(app('store').git_url)
  })
})
