import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { building, fixture, freshApp, type Files } from '../support/building.ts'
import { npmRegistry } from '../support/npm-registry.ts'
import { gatewayOf } from '../support/python-index.ts'

const { build, makerOf, served, run, engine, stack, instance, close } = building()
beforeAll(async () => void (await stack.ensure()))
afterAll(close)

describe('the Node.js buildpack', () => {
  it.each([
    ['yarn-classic', 'yarn 1.22.22'],
    ['yarn-berry', 'yarn 4.9.2'],
    ['pnpm', 'pnpm 9.15.9'],
  ])('installs, builds and prunes %s with the version that packageManager names', async (name, manager) => {
    const built = await build(fixture(name), { appId: freshApp() })
    expect(built.output).toMatch(new RegExp(`Using Node.js 22\\.[^\n]* and ${manager}[^]*Running build[^]*Pruning`))
    expect(await served(built, ['/'])).toMatchObject({ '/': '200 1m, built 1.2.3, dev dependencies: false' })
  })

  it('runs its hooks in order, keeps development dependencies when told to, and makes a committed node_modules anew', async () => {
    const note = (text: string) => `echo ${text} >> trail`
    const scripts = { build: note('never'), 'heroku-prebuild': note('pre'), 'heroku-postbuild': `${note('post')}; semver 1.2.3`, 'heroku-cleanup': `${note('cleanup')}; ls node_modules >> trail` } // prettier-ignore
    const files: Files = {
      'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts, devDependencies: { semver: '7.7.2' } }),
      'node_modules/mine.js': '',
      Procfile: 'web: x',
    }
    const built = await build(files, { appId: freshApp(), config: { NPM_CONFIG_PRODUCTION: 'false' } })
    expect(built.output).toMatch(/node_modules is committed[^]*no lockfile[^]*Keeping devDependencies/)
    expect((await run(built, 'cat trail')).split('\n')).toEqual(['pre', 'post', 'cleanup', 'semver'])
    expect(await run(built, 'echo $NODE_ENV; echo $((WEB_CONCURRENCY > 0))')).toBe('production\n1')
  })

  it('keeps the folders that cacheDirectories names from build to build, none outside the app', async () => {
    const scripts = { build: 'ls out/cache; mkdir -p out/cache && touch out/cache/kept' }
    const manifest = { name: 'x', version: '1.0.0', scripts, cacheDirectories: ['out/cache', '../../etc', 'node_modules'] }
    const [files, appId] = [{ 'package.json': JSON.stringify(manifest), Procfile: 'clock: x' }, freshApp()]
    expect((await build(files, { appId })).output).toMatch(
      /names \.\.\/\.\.\/etc, which is no folder inside the app[^]*cannot access/,
    )
    expect((await build(files, { appId })).output).toMatch(/Restoring out\/cache\n[^]*\nkept\n/)
  })

  it('waits ready for the next build of its app, which may be one of another language by then', async () => {
    const [maker, appId] = [makerOf(), freshApp()]
    const trail =
      "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c 'bin/read[y]' >> trail; echo $SOURCE_VERSION $REQUEST_ID >> trail"
    const files = {
      'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { build: trail } }),
      Procfile: 'web: x',
    }
    const next = (commit: string) => build(files, { maker, appId, commit, buildId: `of-${commit}` })
    expect(await run(await next('one'), 'cat trail')).toBe('0\none of-one')
    maker.prepare(appId)
    expect(await run(await next('two'), 'cat trail')).toBe('1\ntwo of-two')
    maker.prepare(appId)
    const other = await build({ Procfile: 'web: x', trail: 'kept' }, { maker, appId })
    expect([other.buildpacks, await run(other, 'cat trail')]).toEqual([['Procfile'], 'kept'])
  })

  it('takes the newest published Node.js of the range that engines names, and says when there is none', async () => {
    const files = (node: string) => ({ 'package.json': JSON.stringify({ name: 'x', version: '1.0.0', engines: { node } }), Procfile: 'clock: x' }) // prettier-ignore
    const built = await build(files('^20.9'), { appId: freshApp() })
    expect(await run(built, 'node --version')).toMatch(/^v20\.\d+\.\d+$/)
    expect(built.processTypes).toEqual({ clock: 'x' }) // nothing to start as web
    await expect(build(files('>=99'), { appId: freshApp() })).rejects.toThrow(/No published Node.js satisfies >=99/)
    await expect(build(files('lots'), { appId: freshApp() })).rejects.toThrow(/"lots" that the app asks for is no version range/)
  })

  it('installs the packages of a private registry with the token of a config var, and those of npm workspaces', async () => {
    const network = {
      name: `dozen-${instance}-build`,
      labels: { 'dozen.instance': instance, 'dozen.role': 'network' },
      isolated: true,
    }
    const host = gatewayOf(await engine.ensureNetwork(network))
    const token = 'canary-of-npm'
    const registry = await npmRegistry('@mine/greeting', { 'index.js': 'module.exports = "hello of mine"' }, { host, token })
    const workspace = (name: string, dependencies: object) => JSON.stringify({ name, version: '1.0.0', dependencies })
    const files = {
      'package.json': JSON.stringify({ name: 'root', private: true, workspaces: ['parts/*'] }),
      'parts/lib/package.json': workspace('@app/lib', { '@mine/greeting': '1.0.0' }),
      'parts/lib/index.js': 'module.exports = require("@mine/greeting") + ", by lib"',
      'parts/web/package.json': workspace('@app/web', { '@app/lib': '1.0.0' }),
      'parts/web/index.js': 'console.log(require("@app/lib"))',
      '.npmrc': `@mine:registry=${registry.url}\n${registry.url.replace('http:', '')}:_authToken=\${NPM_TOKEN}\n`,
      Procfile: 'web: x',
    }
    try {
      const built = await build(files, { appId: freshApp(), config: { NPM_TOKEN: token } })
      expect(await run(built, 'node parts/web')).toBe('hello of mine, by lib')
      expect(await run(built, `grep -rl ${token} /app | wc -l`)).toBe('0')
      expect(built.output).not.toContain(token)
      await expect(build(files, { appId: freshApp(), config: { NPM_TOKEN: 'other' } })).rejects.toThrow(/401/)
      expect(registry.asked).toContain('/@mine/greeting')
    } finally {
      registry.close()
    }
  })

  it('refuses a lockfile that does not fit package.json, with the command that mends it', async () => {
    const manifest = { name: 'x', version: '1.0.0', dependencies: { ms: '2.1.3' } }
    const lock = { name: 'x', version: '1.0.0', lockfileVersion: 3, requires: true, packages: { '': { name: 'x', version: '1.0.0' } } } // prettier-ignore
    const files = { 'package.json': JSON.stringify(manifest), 'package-lock.json': JSON.stringify(lock), Procfile: 'web: x' }
    await expect(build(files, { appId: freshApp() })).rejects.toThrow(/package-lock.json and package.json do not agree[^]*Run npm install/) // prettier-ignore
  })
})
