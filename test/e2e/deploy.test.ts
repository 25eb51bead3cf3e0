import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { leftovers, nodeApp, run, useWorld } from '../support/world.ts'

describe('a deploy', () => {
  const world = useWorld({ env: { DOZEN_BOOT_TIMEOUT: '8s', DOZEN_PROOF_TIME: '2s', DOZEN_STOP_TIMEOUT: '5s' } })

  it('takes a pushed app to its URL, and says on the way what it does', async () => {
    const app = await world.create('first')
    const { output } = await world.push(app, nodeApp('one'))
    expect(output).toMatch(/Node\.js/)
    expect(output).toMatch(/Released v2/)
    expect(output).toContain('http://first.localhost:')
    await world.expectUp(app, 'one')
  })

  it('switches to a change without one failed request, and tells what the switch cost', async () => {
    const app = await world.create('gapless')
    await world.push(app, nodeApp('one'))
    const load = await world.load(app)
    const { output } = await world.push(app, nodeApp('two'))
    await world.expectUp(app, 'two')
    const result = await load.stop()
    expect(result.failed).toEqual([])
    expect([...result.bodies.keys()]).toEqual(['one', 'two'])
    expect(output).toMatch(/Switch: \d+ requests served meanwhile, 0 failed, longest wait \d+ ms, \d+ drained, 0 cut/)
  })

  it('refuses a broken build and leaves everything as it was', async () => {
    const app = await world.create('broken')
    const { commit } = await world.push(app, nodeApp('good'))
    const bad = { ...nodeApp('bad'), 'package.json': '{"name":"x","scripts":{"build":"echo the-build-speaks; exit 3"}}' }
    const { output } = await world.push(app, bad, { expectFail: true })
    expect(output).toContain('the-build-speaks')
    expect(output).toContain('pre-receive hook declined')
    await world.expectUp(app, 'good')
    expect(JSON.parse(await world.cliOk('releases', '-a', app, '--json'))).toHaveLength(2)
    expect((await world.worktree(app).git('ls-remote', 'dozen', 'main')).stdout).toContain(commit)
  })

  it('refuses an app that never binds its port, with the code users know, and the old one serves on (ABUSE 84)', async () => {
    const app = await world.create('never')
    await world.push(app, nodeApp('good'))
    const { output } = await world.push(app, { 'server.js': 'setInterval(() => {}, 1000)' }, { expectFail: true })
    expect(output).toMatch(/Error R10 \(Boot timeout\) -> Web process failed to bind to \$PORT within 8 seconds of launch/)
    await world.expectUp(app, 'good')
    expect(await world.cliOk('releases', '-a', app)).toMatch(/v3\s+failed/)
  })

  it('refuses a release whose process exits, and shows its last words', async () => {
    const app = await world.create('crashes')
    await world.push(app, nodeApp('good'))
    const { output } = await world.push(
      app,
      { 'server.js': 'console.log("my last words"); process.exit(3)' },
      { expectFail: true },
    )
    expect(output).toContain('web.1 exited with status 3')
    expect(output).toContain('my last words')
    await world.expectUp(app, 'good')
  })

  it('touches no type when one of several fails', async () => {
    const app = await world.create('several')
    await world.push(app, nodeApp('good', { procfile: 'worker: node worker.js\n' }))
    await world.push(app, { 'worker.js': 'setInterval(() => {}, 1000)' })
    await world.cliOk('ps:scale', 'worker=1', '-a', app)
    await world.until(async () => (await world.containers(app)).length === 2, 20_000, 'web and worker run')
    const before = (await world.containers(app)).map((container) => container.id).sort()
    await world.push(
      app,
      nodeApp('bad', { procfile: 'worker: exit 1\n' }), // at once, also on a busy machine
      { expectFail: true },
    )
    await world.until(async () => (await world.containers(app)).length === 2, 20_000, 'the failed release is gone')
    expect((await world.containers(app)).map((container) => container.id).sort()).toEqual(before)
  })

  it('runs the release phase first, and a failing one stops the release', async () => {
    const app = await world.create('phase')
    await world.push(app, nodeApp('one', { procfile: 'release: echo migrating $DOZEN_RELEASE_VERSION\n' }))
    expect(await world.logs(app)).toMatch(/app\[release\.2\]: migrating v2/)
    const { output } = await world.push(app, nodeApp('two', { procfile: 'release: echo no-database; exit 4\n' }), {
      expectFail: true,
    })
    expect(output).toContain('The release phase exited with status 4')
    expect(output).toContain('no-database')
    await world.expectUp(app, 'one')
  })

  it('deploys no branch but main, and says how to', async () => {
    const app = await world.create('branches')
    const { output, code } = await world.tryPush(app, nodeApp('one'), 'HEAD:refs/heads/feature')
    expect(code).not.toBe(0)
    expect(output).toContain('git push dozen feature:main')
  })

  it('builds with a Dockerfile when there is one, and honours its EXPOSE', async () => {
    const app = await world.create('dockerfile')
    await world.cliOk('config:set', 'GREETING=hi there', 'SECRET=canary', '-a', app)
    const { output } = await world.push(app, {
      Dockerfile:
        'FROM dozen/stack:latest\nARG GREETING\nRUN echo "$GREETING from the build" > /greeting\nEXPOSE 7000\nCOPY server.js /server.js\nCMD ["node", "/server.js"]\n',
      'server.js': `require('http').createServer((q, r) => r.end('docker ' + require('fs').readFileSync('/greeting'))).listen(7000)`,
    })
    expect(output).toContain('Dockerfile')
    await world.expectUp(app, 'docker hi there from the build')
    expect(output).not.toContain('canary')
  })

  it('takes a tar by curl alone, with one folder around everything, and an image by its reference', async () => {
    const app = await world.create('uploaded')
    const files = join(world.base, 'upload', 'shop-1a2b3c4')
    mkdirSync(files, { recursive: true })
    for (const [name, text] of Object.entries(nodeApp('from a tar'))) writeFileSync(join(files, name), text as string)
    await run('tar', ['-c', '-z', '-f', join(world.base, 'shop.tgz'), '-C', join(world.base, 'upload'), 'shop-1a2b3c4'])
    const { source_blob: blob } = (await world.api<{ source_blob: { put_url: string; get_url: string } }>('POST', `/apps/${app}/sources`)).body // prettier-ignore
    expect((await run('curl', ['-fsS', '-T', join(world.base, 'shop.tgz'), blob.put_url])).code).toBe(0)
    const body = JSON.stringify({ source_blob: { url: blob.get_url, version: 'v1' } })
    const headers = ['-H', `Authorization: Bearer ${world.token}`, '-H', 'Content-Type: application/json']
    const { stdout } = await run('curl', ['-fsS', ...headers, '-d', body, `${world.endpoints.api}/apps/${app}/builds`])
    const { id } = JSON.parse(stdout) as { id: string }
    await world.expectUp(app, 'from a tar')
    expect((await world.api('GET', `/apps/${app}/builds/${id}`)).body).toMatchObject({
      number: 1,
      status: 'succeeded',
      buildpacks: [{ name: 'Node.js' }],
      stack_images: { build: expect.stringMatching(/^sha256:/) as string, run: expect.stringMatching(/^sha256:/) as string },
      size_bytes: expect.any(Number) as number,
      durations_ms: { source: expect.any(Number) as number, build: expect.any(Number) as number, image: expect.any(Number) as number }, // prettier-ignore
    })

    writeFileSync(join(files, 'server.js'), nodeApp('from a folder')['server.js'] as string)
    await world.cliOk('deploy', files, '-a', app)
    await world.expectUp(app, 'from a folder')
    await world.cliOk('deploy', join(world.base, 'shop.tgz'), '-a', app)
    await world.expectUp(app, 'from a tar')

    const ref = `dozen/test-${world.instance}:v1`
    const dockerfile = `FROM dozen/stack:run\nCMD ["node", "-e", "require('http').createServer((q, r) => r.end('from an image')).listen(process.env.PORT)"]\n`
    expect((await run('docker', ['build', '-q', '-t', ref, '-'], { input: dockerfile })).code).toBe(0)
    await world.cliOk('deploy', '--image', ref, '-a', app)
    await run('docker', ['rmi', '-f', ref])
    await world.expectUp(app, 'from an image')
    await world.cliOk('restart', '-a', app)
    await world.expectUp(app, 'from an image')
    expect(await world.cliOk('releases', '-a', app)).toContain(`Deploy ${ref}`)
  })

  it('releases a slug that was compiled elsewhere: its process types and .profile.d, without a build', async () => {
    const app = await world.create('slugged')
    const root = join(world.base, 'slug')
    mkdirSync(join(root, 'app', '.profile.d'), { recursive: true })
    for (const [name, text] of Object.entries(nodeApp('from a slug'))) writeFileSync(join(root, 'app', name), text as string)
    writeFileSync(join(root, 'app', '.profile.d', 'a.sh'), 'export FROM_PROFILE=yes\n')
    writeFileSync(join(root, 'app', 'Procfile'), 'web: false\n')
    const archive = join(world.base, 'slug.tgz')
    await run('tar', ['-c', '-z', '-f', archive, '-C', root, './app'])
    const checksum = `SHA256:${createHash('sha256').update(readFileSync(archive)).digest('hex')}`
    const body = { process_types: { web: 'node server.js', tool: 'env' }, checksum, commit: 'abcdef0123' }
    type Slug = { id: string; blob: { method: string; url: string } }
    const slug = (await world.api<Slug>('POST', `/apps/${app}/slugs`, body)).body
    expect((await run('curl', ['-fsS', '-X', slug.blob.method, '-T', archive, slug.blob.url])).code).toBe(0)
    const made = await world.api('POST', `/apps/${app}/releases`, { slug: slug.id })
    expect(made).toMatchObject({
      status: 201,
      body: { status: 'succeeded', slug: { id: slug.id }, description: 'Deploy abcdef01' },
    })
    await world.expectUp(app, 'from a slug')
    expect(await world.cliOk('run', '-a', app, '--', 'tool')).toContain('FROM_PROFILE=yes')
    const other = await world.create('slugged-too')
    expect((await world.api('POST', `/apps/${other}/releases`, { slug: slug.id })).status).toBe(201)
    await world.expectUp(other, 'from a slug')
  })

  it('waits its turn behind another push to the same app (ABUSE 35)', async () => {
    const app = await world.create('queue')
    await world.push(app, nodeApp('zero'))
    const first = world.tryPush(app, { ...nodeApp('one'), 'package.json': '{"name":"x","scripts":{"build":"sleep 2"}}' })
    await world.until(
      async () => (await world.logs(app)).includes('npm run build') || (await world.logs(app)).includes('Running build'),
      20_000,
      'the first builds',
    )
    const second = await world.worktree(app).git('push', 'dozen', 'HEAD:main', '--force')
    expect((await first).code).toBe(0)
    expect(second.stdout + second.stderr).toMatch(/waiting for it to end|Everything up-to-date/)
    await world.expectUp(app, 'one')

    const slow = { ...nodeApp('two'), 'package.json': '{"name":"x","scripts":{"build":"echo now-building; sleep 100"}}' }
    const stopped = world.tryPush(app, slow)
    await world.until(async () => (await world.logs(app)).includes('now-building'), 20_000, 'the last one builds')
    expect((await world.cli('builds:cancel', '-a', app)).code).toBe(0)
    const { code, output } = await stopped
    expect([code, output]).toEqual([1, expect.stringMatching(/The build was canceled by .*@/)])
    expect((await world.cli('builds:cancel', '-a', app)).stderr).toContain('This build is over')
    await world.expectUp(app, 'one')
  })

  it('goes back by itself when the new release crashes right after the switch', async () => {
    const app = await world.create('watched')
    await world.push(app, nodeApp('good'))
    const crashy = `require('http').createServer((q, r) => r.end('crashy')).listen(process.env.PORT); setTimeout(() => process.exit(1), 4000)`
    await world.push(app, { 'server.js': crashy })
    await world.expectUp(app, 'good', 30_000)
    const releases = JSON.parse(await world.cliOk('releases', '-a', app, '--json')) as { description: string; status: string }[]
    expect(releases.map((release) => release.description).join()).toMatch(
      /Rollback to v2 \(1 of 1 web crashed within the watch window\)/,
    )
  })

  it('leaves nothing of a destroyed app', async () => {
    const app = await world.create('doomed')
    await world.push(app, nodeApp('one'))
    const { body } = await world.api<{ id: string }>('GET', `/apps/${app}`)
    await world.cliOk('destroy', '--confirm', app, '-a', app)
    await world.until(async () => (await leftovers(`dozen.app=${body.id}`)).length === 0, 30_000, 'the engine has nothing of it')
    expect(existsSync(join(world.home, 'repos', `${body.id}.git`))).toBe(false)
    expect((await world.get(app)).status).toBe(404)
  })
})
