import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Asked, sendJson, transcript } from '../support/fixed-server.ts'
import { account, app, domain } from '../support/samples.ts'

const env = { DOZEN_APP: 'shop' }
const AT = '2026-01-01T11:00:00Z'
const folder = mkdtempSync(join(tmpdir(), 'dozen-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('domains', () => {
  const ROUTES = {
    'GET /apps/shop/domains': [
      domain('shop.localhost', 'heroku'),
      domain('shop.example.com', 'custom'),
      domain('*.shop.example.com', 'custom', { status: 'pending' }),
    ],
    'GET /apps/shop/domains/shop.example.com': domain('shop.example.com', 'custom', {
      acm_status: 'failed',
      acm_status_reason: 'no such host name',
    }),
    'POST /apps/shop/domains': domain('new.example.com', 'custom'),
    'DELETE /apps/shop/domains/*.shop.example.com': {},
    'DELETE /apps/shop/domains/shop.example.com': {},
  }
  it('are listed, shown, added and removed', async () => {
    const words = [
      ['domains'],
      ['domains:info', 'shop.example.com'],
      ['domains:add', 'new.example.com'],
      ['domains:remove', '*.shop.example.com'],
      ['domains:clear'],
    ]
    const { text, changes } = await transcript(ROUTES, words, { env })
    expect(text).toMatchInlineSnapshot(`
      "$ dozen domains
      === shop dozen Domain
      shop.localhost

      === shop Custom Domains
      Domain Name         DNS Target      Status
      shop.example.com    shop.localhost
      *.shop.example.com  shop.localhost  pending

      $ dozen domains:info shop.example.com
      Hostname:     shop.example.com
      Kind:         custom
      DNS Target:   shop.localhost
      Status:       none
      Certificate:  failed: no such host name

      $ dozen domains:add new.example.com
      ! Adding new.example.com to shop... done
      ! Point the DNS of new.example.com to shop.localhost.

      $ dozen domains:remove *.shop.example.com
      ! Removing *.shop.example.com from shop... done

      $ dozen domains:clear
      ! Removing 2 domains from shop... done
      "
    `)
    expect(changes).toHaveLength(4)
  })
})

describe('tokens and keys', () => {
  const token = { id: 'a1', description: 'ci', scope: ['global'], access_token: { token: 's3cret' }, created_at: AT }
  const KEY = `ssh-ed25519 ${'A'.repeat(68)} me@laptop`
  const ROUTES = {
    'GET /oauth/authorizations': [token],
    'POST /oauth/authorizations': token,
    'DELETE /oauth/authorizations/a1': token,
    'GET /account/keys': [{ id: 'k1', email: 'me@example.com', public_key: KEY, comment: 'me@laptop', fingerprint: 'SHA256:x' }],
    'POST /account/keys': {},
    'DELETE /account/keys/k1': {},
  }
  it('are listed, made and ended', async () => {
    const words = [
      ['tokens'],
      ['tokens:create', '-d', 'ci'],
      ['authorizations:create', '-S'],
      ['tokens:revoke', 'a1'],
      ['keys'],
      ['keys:remove', 'me@laptop'],
      ['keys:remove', 'you@laptop'],
    ]
    const { text, changes } = await transcript(ROUTES, words)
    expect(text).toMatchInlineSnapshot(`
      "$ dozen tokens
      === Authorizations
      ci  a1  global  2026/01/01 11:00:00 +0000 (~ 1h ago)

      $ dozen tokens:create -d ci
      s3cret
      ! Creating token... done
      ! Keep it: it is shown only now.

      $ dozen authorizations:create -S
      s3cret

      $ dozen tokens:revoke a1
      ! Revoking token... done, ci

      $ dozen keys
      === Your SSH keys
      ssh-ed25519  AAAAAAAAAA...AAAAAAAAAA  me@laptop

      $ dozen keys:remove me@laptop
      ! Removing me@laptop... done

      $ dozen keys:remove you@laptop
      ! Error: You have no SSH key "you@laptop".
      ! \`dozen keys\` lists yours.
      [status 1]
      "
    `)
    expect(changes[0]).toEqual(['POST /oauth/authorizations', { description: 'ci', scope: ['global'] }])
  })
  it('are added from a file, but no private half ever', async () => {
    writeFileSync(join(folder, 'id.pub'), `${KEY}\n`)
    writeFileSync(join(folder, 'id'), '-----BEGIN OPENSSH PRIVATE KEY-----\n')
    const { text, changes } = await transcript(
      ROUTES,
      [['keys:add', join(folder, 'id.pub')], ['keys:add', join(folder, 'id')], ['keys:add']],
      { env: { HOME: folder } },
    )
    expect(text.replaceAll(folder, '~')).toMatchInlineSnapshot(`
      "$ dozen keys:add ~/id.pub
      ! Adding ~/id.pub... done

      $ dozen keys:add ~/id
      ! Error: ~/id is the private half of a key; add ~/id.pub.
      [status 1]

      $ dozen keys:add
      ! Error: There is no public key in ~/.ssh.
      ! \`ssh-keygen -t ed25519\` makes one.
      [status 1]
      "
    `)
    expect(changes).toEqual([['POST /account/keys', { public_key: KEY }]])
  })
})

it('access, transfer, maintenance, stack and features of an app', async () => {
  const feature = { id: 'f', name: 'sleep', description: 'Sleep while nobody visits.', enabled: false, state: 'general' }
  const ROUTES = {
    'GET /apps/shop/collaborators': [
      { role: 'owner', user: { email: 'me@example.com' } },
      { role: null, user: { email: 'you@example.com' } },
    ],
    'POST /apps/shop/collaborators': {},
    'DELETE /apps/shop/collaborators/you%40example.com': {},
    'POST /account/app-transfers': { id: 't', state: 'pending' },
    'GET /apps/shop': app('shop'),
    'PATCH /apps/shop': app('shop'),
    'GET /stacks': [{ name: 'container' }, { name: 'dozen-24' }],
    'GET /apps/shop/features': [feature, { ...feature, name: 'preboot', enabled: true }],
    'GET /apps/shop/features/sleep': feature,
    'PATCH /apps/shop/features/sleep': feature,
  }
  const words = [
    ['access'],
    ['access:add', 'you@example.com'],
    ['access:remove', 'you@example.com'],
    ['apps:transfer', 'you@example.com'],
    ['maintenance'],
    ['maintenance:on'],
    ['stack'],
    ['stack:set', 'container'],
    ['features'],
    ['features:info', 'sleep'],
    ['features:enable', 'sleep'],
  ]
  const { text, changes } = await transcript(ROUTES, words, { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen access
    === shop Access
    me@example.com   owner
    you@example.com  collaborator

    $ dozen access:add you@example.com
    ! Adding you@example.com to shop... done

    $ dozen access:remove you@example.com
    ! Removing you@example.com from shop... done

    $ dozen apps:transfer you@example.com
    ! Transferring shop to you@example.com... done
    ! you@example.com has to accept it first.

    $ dozen maintenance
    off

    $ dozen maintenance:on
    ! Enabling maintenance mode for shop... done

    $ dozen stack
    === shop Available Stacks
      container
    * dozen-24

    $ dozen stack:set container
    ! Setting stack of shop to container... done
    ! The next deploy uses it.

    $ dozen features
    === shop Features
    [ ]  sleep    Sleep while nobody visits.
    [+]  preboot  Sleep while nobody visits.

    $ dozen features:info sleep
    Feature:      sleep
    Description:  Sleep while nobody visits.
    Enabled:      false
    State:        general

    $ dozen features:enable sleep
    ! Enabling sleep for shop... done
    "
  `)
  expect(changes).toEqual([
    ['POST /apps/shop/collaborators', { user: 'you@example.com' }],
    ['DELETE /apps/shop/collaborators/you%40example.com', undefined],
    ['POST /account/app-transfers', { app: 'shop', recipient: 'you@example.com' }],
    ['PATCH /apps/shop', { maintenance: true }],
    ['PATCH /apps/shop', { build_stack: 'container' }],
    ['PATCH /apps/shop/features/sleep', { enabled: true }],
  ])
})

it('drains and webhooks', async () => {
  const webhook = { id: 'w1', url: 'https://example.com/in', include: ['api:release'], level: 'notify', created_at: AT }
  const ROUTES = {
    'GET /apps/shop/log-drains': [{ id: 'd', url: 'syslog+tls://logs.example.com:6514', token: 'd.5cef' }],
    'POST /apps/shop/log-drains': {},
    'DELETE /apps/shop/log-drains/syslog%2Btls%3A%2F%2Flogs.example.com%3A6514': {},
    'GET /apps/shop/webhooks': [webhook],
    'GET /apps/shop/webhooks/w1': webhook,
    'POST /apps/shop/webhooks': (_: Asked, response: never) =>
      sendJson(response, 201, webhook, { 'heroku-webhook-secret': 's3cret' }),
    'PATCH /apps/shop/webhooks/w1': webhook,
    'DELETE /apps/shop/webhooks/w1': webhook,
    'GET /apps/shop/webhook-deliveries': [
      {
        id: 'x',
        event: { id: 'e', include: 'api:release' },
        status: 'retrying',
        num_attempts: 2,
        last_attempt: { code: 500, error_class: null },
        created_at: AT,
      },
    ],
  }
  const words = [
    ['drains'],
    ['drains:add', 'https://logs.example.com/in'],
    ['drains:remove', 'syslog+tls://logs.example.com:6514'],
    ['webhooks'],
    ['webhooks:info', 'w1'],
    ['webhooks:add', '-u', 'https://example.com/in', '-i', 'api:release,api:build'],
    ['webhooks:add'],
    ['webhooks:update', 'w1', '-l', 'sync'],
    ['webhooks:remove', 'w1'],
    ['webhooks:deliveries'],
  ]
  const { text, changes } = await transcript(ROUTES, words, { env })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen drains
    === shop Drains
    syslog+tls://logs.example.com:6514  (d.5cef)

    $ dozen drains:add https://logs.example.com/in
    ! Adding drain https://logs.example.com/in... done

    $ dozen drains:remove syslog+tls://logs.example.com:6514
    ! Removing drain syslog+tls://logs.example.com:6514... done

    $ dozen webhooks
    === shop Webhooks
    Webhook ID  URL                     Include      Level
    w1          https://example.com/in  api:release  notify

    $ dozen webhooks:info w1
    Webhook ID:  w1
    URL:         https://example.com/in
    Include:     api:release
    Level:       notify
    Created:     2026/01/01 11:00:00 +0000 (~ 1h ago)

    $ dozen webhooks:add -u https://example.com/in -i api:release,api:build
    s3cret
    ! Adding webhook to shop... done
    ! Its signing secret is shown only now:

    $ dozen webhooks:add
    ! Error: Say where (--url) and which events (--include, e.g. api:release).
    [status 2]

    $ dozen webhooks:update w1 -l sync
    ! Updating webhook w1... done

    $ dozen webhooks:remove w1
    ! Removing webhook w1 from shop... done

    $ dozen webhooks:deliveries
    === shop Webhook Deliveries
    Delivery ID  Event        Status    Attempts  Last  Created
    x            api:release  retrying  2         500   2026/01/01 11:00:00 +0000 (~ 1h ago)
    "
  `)
  expect(changes[2]).toEqual([
    'POST /apps/shop/webhooks',
    { level: 'notify', url: 'https://example.com/in', include: ['api:release', 'api:build'] },
  ])
})

describe('buildpacks', () => {
  const installed = (...names: string[]) => names.map((name, ordinal) => ({ ordinal, buildpack: { name, url: name } }))
  const put = async (words: string[], ...names: string[]) => {
    const routes = { 'GET /apps/shop/buildpack-installations': installed(...names), 'PUT /apps/shop/buildpack-installations': [] }
    const { text, changes } = await transcript(routes, [words], { env })
    const body = changes[0]?.[1] as { updates: { buildpack: string }[] } | undefined
    return body?.updates.map(({ buildpack }) => buildpack) ?? text
  }
  it('are listed in order', async () => {
    const routes = { 'GET /apps/shop/buildpack-installations': installed('nodejs', 'https://example.com/b.git') }
    expect((await transcript(routes, [['buildpacks']], { env })).text).toMatchInlineSnapshot(`
      "$ dozen buildpacks
      === shop Buildpacks
      1.  nodejs
      2.  https://example.com/b.git
      "
    `)
  })
  it('are set at a place, added, removed and cleared', async () => {
    expect(await put(['buildpacks:set', 'ruby'], 'nodejs', 'go')).toEqual(['ruby', 'go'])
    expect(await put(['buildpacks:set', 'ruby', '-i', '2'], 'nodejs', 'go')).toEqual(['nodejs', 'ruby'])
    expect(await put(['buildpacks:add', 'ruby'], 'nodejs')).toEqual(['nodejs', 'ruby'])
    expect(await put(['buildpacks:add', 'ruby', '-i', '1'], 'nodejs')).toEqual(['ruby', 'nodejs'])
    expect(await put(['buildpacks:remove', 'nodejs'], 'nodejs', 'go')).toEqual(['go'])
    expect(await put(['buildpacks:remove', '-i', '2'], 'nodejs', 'go')).toEqual(['nodejs'])
    expect(await put(['buildpacks:clear'], 'nodejs', 'go')).toEqual([])
  })
  it('are not added twice, nor removed when they are not there', async () => {
    expect(await put(['buildpacks:add', 'go'], 'go')).toContain('Error: shop has the buildpack go already.')
    expect(await put(['buildpacks:remove', 'ruby'], 'go')).toContain('Error: shop has no buildpack ruby.')
    expect(await put(['buildpacks:remove'], 'go')).toContain('Error: Say which buildpack')
  })
})

describe('pipelines', () => {
  const pipeline = { id: 'p1', name: 'trade', owner: { id: 'u1', type: 'user' } }
  const coupled = (name: string, stage: string) => ({
    id: `c-${name}`,
    stage,
    app: { id: `id-of-${name}` },
    pipeline: { id: 'p1' },
  })
  const ROUTES = {
    'GET /account': account,
    'GET /apps': [app('shop'), app('shop-staging'), app('blog')],
    'GET /pipelines': [pipeline],
    'GET /pipelines/trade': pipeline,
    'GET /pipelines/p1': pipeline,
    'GET /pipelines/p1/pipeline-couplings': [coupled('shop', 'production'), coupled('shop-staging', 'staging')],
    'GET /apps/shop-staging/pipeline-couplings': coupled('shop-staging', 'staging'),
    'GET /apps/shop/pipeline-couplings': coupled('shop', 'production'),
    'POST /pipelines': pipeline,
    'POST /pipeline-couplings': coupled('shop', 'production'),
    'POST /pipeline-promotions': { id: 'x1', status: 'pending' },
    'GET /pipeline-promotions/x1/promotion-targets': [{ app: { id: 'id-of-shop' }, status: 'succeeded', error_message: null }],
    'PATCH /pipelines/trade': pipeline,
    'DELETE /pipelines/trade': pipeline,
    'DELETE /pipeline-couplings/c-shop': {},
  }
  it('are made, listed, promoted through and removed', async () => {
    const words = [
      ['pipelines'],
      ['pipelines:create', 'trade', '-s', 'production'],
      ['pipelines:add', 'trade', '-a', 'blog'],
      ['pipelines:info', 'trade'],
      ['pipelines:promote', '-a', 'shop-staging'],
      ['pipelines:promote', '-a', 'shop'],
      ['pipelines:promote', '-a', 'shop-staging', '--to', 'blog'],
      ['pipelines:remove'],
      ['pipelines:rename', 'trade', 'commerce'],
      ['pipelines:destroy', 'trade'],
    ]
    const { text, changes } = await transcript(ROUTES, words, { env })
    expect(text).toMatchInlineSnapshot(`
      "$ dozen pipelines
      === My Pipelines
      trade

      $ dozen pipelines:create trade -s production
      ! Creating trade pipeline... done
      ! Adding shop to trade pipeline as production... done

      $ dozen pipelines:add trade -a blog
      ! Error: Which stage is blog?
      ! Say it with --stage: review, development, staging, production.
      [status 2]

      $ dozen pipelines:info trade
      === trade
      shop-staging  staging
      shop          production

      $ dozen pipelines:promote -a shop-staging
      shop: succeeded
      ! Promoting shop-staging to shop... done

      $ dozen pipelines:promote -a shop
      ! Error: shop is in stage production, and no app of the pipeline is in the one after it.
      [status 1]

      $ dozen pipelines:promote -a shop-staging --to blog
      ! Error: blog is not in the pipeline.
      [status 1]

      $ dozen pipelines:remove
      ! Removing shop from its pipeline... done

      $ dozen pipelines:rename trade commerce
      ! Renaming trade pipeline to commerce... done

      $ dozen pipelines:destroy trade
      ! Destroying trade pipeline... done
      "
    `)
    expect(changes.slice(0, 3)).toEqual([
      ['POST /pipelines', { name: 'trade', owner: { id: 'u1', type: 'user' } }],
      ['POST /pipeline-couplings', { app: 'shop', pipeline: 'p1', stage: 'production' }],
      [
        'POST /pipeline-promotions',
        { pipeline: { id: 'p1' }, source: { app: { id: 'id-of-shop-staging' } }, targets: [{ app: { id: 'id-of-shop' } }] },
      ],
    ])
  })
  it('end a promotion with status 1 when an app refused it', async () => {
    const refused = [{ app: { id: 'id-of-shop' }, status: 'failed', error_message: 'The release phase exited with status 1.' }]
    const routes = { ...ROUTES, 'GET /pipeline-promotions/x1/promotion-targets': refused }
    expect((await transcript(routes, [['pipelines:promote', '-a', 'shop-staging']])).text).toMatchInlineSnapshot(`
      "$ dozen pipelines:promote -a shop-staging
      shop: failed — The release phase exited with status 1.
      ! Promoting shop-staging to shop... done
      ! Error: Not every app was promoted.
      [status 1]
      "
    `)
  })
})

it('certificates and add-ons', async () => {
  writeFileSync(join(folder, 'chain.pem'), '-----BEGIN CERTIFICATE-----\n')
  writeFileSync(join(folder, 'key.pem'), '-----BEGIN EC PRIVATE KEY-----\n')
  const certificate = {
    name: 'cert-1',
    domains: ['shop.example.com'],
    ssl_cert: {
      cert_domains: ['shop.example.com'],
      expires_at: '2027-01-01T00:00:00Z',
      issuer: 'CN=An Authority',
      subject: 'CN=shop',
    },
  }
  const addon = {
    id: 'o1',
    name: 'pg-1',
    state: 'provisioned',
    app: { id: 'a', name: 'shop' },
    plan: { name: 'postgresql:small' },
    config_vars: ['DATABASE_URL'],
    created_at: AT,
  }
  const ROUTES = {
    'GET /apps/shop/sni-endpoints': [certificate],
    'GET /apps/shop/domains': [
      domain('new.example.com', 'custom', { acm_status: 'failing', acm_status_reason: 'Refused by ca.test: no (dns).' }),
    ],
    'GET /apps/shop/sni-endpoints/cert-1': certificate,
    'POST /apps/shop/sni-endpoints': certificate,
    'DELETE /apps/shop/sni-endpoints/cert-1': certificate,
    'GET /apps/shop/addons': [addon],
    'GET /apps/shop/addon-attachments': [{ name: 'DATABASE', addon: { id: 'o1' } }],
    'GET /addons/pg-1': addon,
    'POST /apps/shop/addons': addon,
    'DELETE /apps/shop/addons/o1': addon,
    'GET /addon-services': [{ name: 'postgresql', human_name: 'PostgreSQL', state: 'ga' }],
    'GET /addon-services/postgresql/plans': [{ name: 'postgresql:small', description: '1 GiB', default: true }],
  }
  const words = [
    ['certs'],
    ['certs:info', 'cert-1'],
    ['certs:add', 'chain.pem', 'key.pem'],
    ['certs:add', 'key.pem', 'chain.pem'],
    ['certs:remove', 'cert-1'],
    ['addons'],
    ['addons:create', 'postgresql'],
    ['addons:info', 'pg-1'],
    ['addons:destroy', 'pg-1'],
    ['addons:destroy', 'pg-1', '--confirm', 'shop'],
    ['addons:services'],
    ['addons:plans', 'postgresql'],
  ]
  const { text } = await transcript(ROUTES, words, { env, cwd: folder })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen certs
    === shop Certificates
    Name    Host names        Expires               Issuer           Renewed by
    cert-1  shop.example.com  2027-01-01T00:00:00Z  CN=An Authority  you
    ! new.example.com: Refused by ca.test: no (dns).

    $ dozen certs:info cert-1
    Name:        cert-1
    Host names:  shop.example.com
    Used for:    shop.example.com
    Issuer:      CN=An Authority
    Subject:     CN=shop
    Expires:     2027/01/01 00:00:00 +0000

    $ dozen certs:add chain.pem key.pem
    ! Adding certificate to shop... done, cert-1

    $ dozen certs:add key.pem chain.pem
    ! Error: key.pem is not what it should be: a PEM file of certificates.
    [status 1]

    $ dozen certs:remove cert-1
    ! Removing certificate cert-1 from shop... done

    $ dozen addons
    === shop Add-ons
    App   Add-on  Plan              State        As
    shop  pg-1    postgresql:small  provisioned  DATABASE

    $ dozen addons:create postgresql
    pg-1 DATABASE_URL
    ! Creating postgresql on shop... done, provisioned

    $ dozen addons:info pg-1
    Add-on:       pg-1
    Plan:         postgresql:small
    App:          shop
    State:        provisioned
    Config vars:  DATABASE_URL
    Created:      2026/01/01 11:00:00 +0000 (~ 1h ago)

    $ dozen addons:destroy pg-1
    ! Error: This destroys pg-1 of shop with its data, for good.
    ! If you mean it, add --confirm shop
    [status 2]

    $ dozen addons:destroy pg-1 --confirm shop
    ! Destroying pg-1 on shop... done

    $ dozen addons:services
    === Services
    postgresql  PostgreSQL  ga

    $ dozen addons:plans postgresql
    === postgresql Plans
    default  postgresql:small  1 GiB
    "
  `)
})

it('domains:wait says of a name that no certificate will come for it, and why', async () => {
  const answers = { 'GET /apps/shop/domains': [domain('www.shop.com', 'custom', {}), domain('x.localhost', 'custom', { acm_status_reason: 'Below localhost.' })] } // prettier-ignore
  const { text } = await transcript(answers, [['domains:wait', '-a', 'shop']])
  expect(text).toContain('! Waiting for the host names of shop... done')
  expect(text).toContain('! www.shop.com is served, but no certificate will come for it by itself. See certs:auto and certs:add.')
  expect(text).toContain('! x.localhost is served, but no certificate will come for it by itself. Below localhost.')
})
