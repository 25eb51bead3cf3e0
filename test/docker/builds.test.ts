import { randomBytes } from 'node:crypto'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builder, type BuildInput, type Built } from '../../server/builds/builder.ts'
import type { Fetch } from '../../server/builds/fetched.ts'
import { dynoCommand } from '../../server/builds/dyno-command.ts'
import { buildpackFetcher } from '../../server/buildpacks/fetch.ts'
import { systemClock as clock } from '../../server/clock.ts'
import { dockerEngine } from '../../server/engine/docker.ts'
import { packFiles } from '../../server/stack/pack.ts'
import { stack as makeStack } from '../../server/stack/stack.ts'
import { ROOT } from '../support/programs.ts'

const instance = `test-builds-${randomBytes(4).toString('hex')}`
const ours = { 'dozen.instance': instance }
const engine = dockerEngine({ socket: '/var/run/docker.sock' })
const stack = makeStack({ engine, clock })
const limits = { buildTimeoutMs: 120_000, sourceBytes: 64 * 1024 ** 2 }
const images: string[] = []
let number = 0

type Files = Record<string, string>
type Options = Partial<BuildInput> & { packs?: Files[]; signal?: AbortSignal; limits?: typeof limits; fetch?: Fetch }

const tarOf = (files: Files) =>
  packFiles(Object.entries(files).map(([name, content]) => ({ name, content, mode: content.startsWith('#!') ? 0o755 : 0o644 })))
const packTar = (pack: Files) => packFiles(Object.entries(pack).map(([name, content]) => ({ name, content, mode: 0o755 })))
const fixture = (name: string) => spawn('tar', ['-c', '-C', join(ROOT, 'test/fixtures/apps', name), '.']).stdout

/** Builds files with hand-written buildpacks (`packs`) or the ones that are detected; resolves with the image and what was printed. */
async function build(source: Files | Readable, options: Options = {}): Promise<Built & { output: string }> {
  const { packs, signal = new AbortController().signal, ...input } = options
  const fetch: Fetch | undefined =
    packs && ((names) => Promise.all(names.map(async (name, at) => ({ name, tar: await packTar(packs[at]!) }))))
  const make = builder({
    engine,
    stack,
    clock,
    instance,
    limits: options.limits ?? limits,
    fetch: options.fetch ?? fetch ?? (async (names) => names.map((name) => ({ name }))),
  })
  const output: string[] = []
  const tar = source instanceof Readable ? source : Readable.from([await tarOf(source)])
  const request = {
    appId: 'app-one',
    appName: 'one',
    buildId: String(++number),
    source: tar,
    commit: 'c0ffee',
    config: {},
    ...(packs && { buildpacks: packs.map((_, at) => `custom ${at}`) }),
    ...input,
  }
  const built = await make.build(request, { signal, log: (line) => void output.push(line) }).catch((cause: Error) => {
    throw Object.assign(cause, { message: `${cause.message}\n${output.join('\n')}` })
  })
  images.push(built.image)
  return { ...built, output: output.join('\n') }
}

/** Runs a command as a dyno of the image would; its output. */
async function run(built: Built, command: string, env: Record<string, string> = {}): Promise<string> {
  const spec = { name: `${instance}-run-${++number}`, image: built.image, ...dynoCommand(built, command), env, labels: ours }
  const id = await engine.create({ ...spec, network: 'none', capabilities: [] })
  await engine.start(id)
  await engine.wait(id)
  const chunks: Buffer[] = []
  for await (const chunk of engine.logs(id, { follow: false })) chunks.push(chunk.bytes)
  await engine.remove(id)
  return Buffer.concat(chunks).toString().trim()
}

const containersLeft = async () => (await engine.list(ours)).length
const COMPILE = '#!/bin/bash\n'
const pack = (compile: string, more: Files = {}): Files => ({ 'bin/compile': COMPILE + compile, ...more })

beforeAll(async () => void (await stack.ensure()))
afterAll(async () => {
  for (const { id } of await engine.list(ours)) await engine.remove(id)
  for (const id of new Set(images)) await engine.removeImage(id)
  for (const { name } of await engine.volumes(ours)) await engine.removeVolume(name)
  for (const { name } of await engine.networks(ours)) await engine.removeNetwork(name)
})

describe('the buildpack contract', () => {
  it('gives compile the app, a cache that lasts, and the config vars as files only', async () => {
    const compile = `set -e
[ "$1" = /app ] && [ "$HOME" = /app ] && [ "$STACK" = heroku-22 ] && [ "$SOURCE_VERSION" = c0ffee ] && [ -z "\${GIT_DIR+x}" ] && [ -z "\${CANARY+x}" ]
od -An -c "$3/CANARY" | tr -d ' \\n' > $1/seen; touch "$2/mark-$(ls $2 | wc -l)"; ls $2 > $1/cache`
    const value = 'a\n"b\'=$c ü'
    await build({ Procfile: 'web: x' }, { packs: [pack(compile)], config: { CANARY: value }, appId: 'cached' })
    const second = await build({ Procfile: 'web: x' }, { packs: [pack(compile)], config: { CANARY: value }, appId: 'cached' })
    expect(await run(second, 'cat seen; echo; cat cache')).toBe(`a\\n"b'=$c303274\nmark-0\nmark-1`)
  })

  it('sources export between buildpacks and takes process types from the last release, below the Procfile', async () => {
    const first = pack('echo "export FROM_FIRST=yes" > "$(dirname $0)/../export"', {
      'bin/release': `${COMPILE}printf -- '---\\ndefault_process_types:\\n  lost: lost\\n'`,
    })
    const second = pack('echo "$FROM_FIRST" > $1/exported', {
      'bin/release': `${COMPILE}printf -- '---\\ndefault_process_types:\\n  web: default\\n  clock: tick\\n'`,
    })
    const built = await build({ Procfile: 'web: mine\n' }, { packs: [first, second] })
    expect(built.processTypes).toEqual({ web: 'mine', clock: 'tick' })
    expect(await run(built, 'cat exported')).toBe('yes')
  })

  it('sources .profile.d in order and then .profile, in /app, before the command', async () => {
    const files = {
      '.profile.d/b.sh': 'export TRAIL="$TRAIL b"',
      '.profile.d/a.sh': 'export TRAIL="$TRAIL a"',
      '.profile': 'export TRAIL="$TRAIL profile"',
    }
    const built = await build({ Procfile: 'web: x', ...files })
    expect(await run(built, 'echo $TRAIL in $PWD with $HOME as $(id -un)')).toBe('a b profile in /app with /app as app')
  })

  it("takes buildpacks from git at the commit of their ref, one of ours, and the app's own, in the order of app.json", async () => {
    const repo = mkdtempSync(join(tmpdir(), 'dozen-test-pack-'))
    const git = (...args: string[]) => execFileSync('git', ['-C', repo, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { encoding: 'utf8' }).trim() // prettier-ignore
    try {
      git('init', '-q', '-b', 'main')
      mkdirSync(join(repo, 'bin'))
      mkdirSync(join(repo, 'lib'))
      writeFileSync(join(repo, 'lib/common.sh'), 'tell() { echo "-----> $*"; }')
      symlinkSync('../lib/common.sh', join(repo, 'bin/common.sh'))
      const lines = ['BP_DIR=$(cd "$(dirname "$0")/.."; pwd)', '. $BP_DIR/bin/common.sh', 'tell "third-party on $STACK"', 'echo "export MARK=git" > $BP_DIR/export'] // prettier-ignore
      writeFileSync(join(repo, 'bin/compile'), `#!/usr/bin/env bash\n${lines.join('\n')}\n`) // not executable: some are not
      git('add', '-A')
      git('commit', '-qm', 'one')
      git('tag', 'v1')
      git('rm', '-q', 'bin/compile')
      git('commit', '-qm', 'broken')
      const buildpacks = [{ url: `${repo}#v1` }, { url: 'heroku/nodejs' }, { url: 'heroku/inline' }]
      const files = { Procfile: 'web: x', 'package.json': '{"name":"x","version":"1.0.0"}', 'app.json': JSON.stringify({ buildpacks }), 'bin/compile': '#!/bin/bash\necho "inline after $MARK" > $1/inline\n' } // prettier-ignore
      const fetch = buildpackFetcher({ env: { PATH: process.env['PATH']!, HOME: '/nonexistent' } })
      const built = await build(files, { fetch })
      expect(built.buildpacks).toEqual([`${repo}#${git('rev-parse', 'v1')}`, 'nodejs', 'inline'])
      expect(built.output).toMatch(/because app.json says so[^]*third-party on heroku-22[^]*Using Node.js/)
      expect(await run(built, 'cat inline')).toBe('inline after git')
      await expect(build(files, { fetch, buildpacks: [repo] })).rejects.toThrow('has no bin/compile')
    } finally {
      rmSync(repo, { recursive: true })
    }
  })

  it('leaves out what .slugignore names before detect', async () => {
    const files = {
      'package.json': '{}',
      '.slugignore': '# a comment\npackage.json\n*.psd\n/docs\n',
      'x/big.psd': '1',
      'docs/a': '1',
    }
    const built = await build({ Procfile: 'web: x', 'x/docs/kept': '1', ...files })
    expect(built.buildpacks).toEqual(['Procfile'])
    expect(await run(built, 'find . -type f | sort | xargs')).toBe('./.slugignore ./Procfile ./x/docs/kept')
  })

  it.each([
    ['fails', 'echo why >&2; exit 7', /why[^]*status 7/],
    ['takes bin/release’s word for something that is not YAML', 'mkdir -p /tmp/x', /not YAML/],
  ])('refuses a build whose buildpack %s, and leaves no container', async (what, compile, message) => {
    const release = what.startsWith('takes') ? { 'bin/release': `${COMPILE}echo 'a: [b'` } : {}
    await expect(build({ Procfile: 'web: x' }, { packs: [pack(compile, release)] })).rejects.toThrow(message)
    await expect.poll(containersLeft, { timeout: 20_000 }).toBe(0)
  })
})

describe('the build container', () => {
  it('is stopped by the time limit and by abort, and nothing stays behind', async () => {
    const forever = { packs: [pack('echo started; sleep infinity')] }
    await expect(build({ Procfile: 'web: x' }, { ...forever, limits: { ...limits, buildTimeoutMs: 3000 } })).rejects.toThrow(
      'took longer than',
    )
    const gone = new AbortController()
    const pending = build({ Procfile: 'web: x' }, { ...forever, signal: gone.signal })
    setTimeout(() => gone.abort(new Error('the pusher went away')), 1000)
    await expect(pending).rejects.toThrow('the pusher went away')
    await expect.poll(containersLeft, { timeout: 20_000 }).toBe(0)
  })

  it('reads a flood of output to its end but passes on a bounded part', async () => {
    const compile = 'yes | head -c 400000; head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end'
    const { output } = await build({ Procfile: 'web: x' }, { packs: [pack(compile)] })
    expect(output).toContain('the rest is not shown')
    expect(output.length).toBeLessThan(20 * 1024 ** 2)
  })

  it('refuses paths that leave the tree, and sources above the limit', async () => {
    await expect(build({ '../evil': '1' })).rejects.toThrow('outside of its tree')
    await expect(build({ big: 'x'.repeat(100_000) }, { limits: { ...limits, sourceBytes: 50_000 } })).rejects.toThrow(
      'larger than',
    )
  })

  it('runs without rights on the host and cannot be left through /app', async () => {
    const compile = 'cat /proc/self/status | grep -E "^(CapEff|NoNewPrivs)" | xargs > $1/rights; ls /var/run/docker.sock 2>&1 | tail -n 1 >> $1/rights; rm -rf /app 2>/dev/null; ln -s / /app 2>/dev/null; true' // prettier-ignore
    const built = await build({ Procfile: 'web: x' }, { packs: [pack(`${compile.replace('rm -rf /app 2>/dev/null; ', '')}`)] })
    expect(await run(built, 'cat rights')).toMatch(/^CapEff: 0+ NoNewPrivs: 1\n.*No such file/)
  })
})

describe('the image', () => {
  const canary = randomBytes(12).toString('hex')

  it('holds no config value in its history, settings or layers', async () => {
    const built = await build(fixture('node-hello'), { config: { CANARY: canary } })
    const inspected = await text(spawn('docker', ['image', 'inspect', built.image]).stdout)
    const history = await text(spawn('docker', ['history', '--no-trunc', built.image]).stdout)
    expect(inspected + history + built.output).not.toContain(canary)
    expect(await run(built, 'grep -rl "CANARY" /app /tmp /cache /opt/dozen/head 2>/dev/null; echo none')).toBe('none')
  })

  it('is the same tree when it is built again', async () => {
    const tree = 'find . -printf "%p %m %s %T@ %u\\n" | sort | sha256sum; find . -type f | sort | xargs sha256sum | sha256sum'
    const [one, two] = [
      await build(fixture('node-worker'), { appId: 'r1' }),
      await build(fixture('node-worker'), { appId: 'r2' }),
    ]
    expect(await run(one, tree)).toBe(await run(two, tree))
    expect(one.processTypes).toEqual({ web: 'node web.js', worker: 'node worker.js', release: 'echo released' })
  })

  it('is used again when nothing has changed, and only then', async () => {
    const asked: string[] = []
    const made = await build(fixture('static'), { reuse: async (inputs) => void asked.push(inputs) as undefined })
    const former = { number: 1, image: made.image, imageKind: made.imageKind, port: null, processTypes: made.processTypes }
    const key = asked[0]
    expect(made.inputs).toBe(key)
    const make = builder({ engine, stack, clock, instance, limits, inputsKey: Buffer.from('k') })
    const again = (config: Record<string, string>, known?: string) =>
      make.build({ appId: 'a', appName: 'a', buildId: `r${++number}`, source: fixture('static'), commit: '1', config, reuse: async (inputs) => (inputs === known ? former : undefined) }, { signal: new AbortController().signal, log: () => {} }) // prettier-ignore
    const first = await again({ A: '1' })
    const same = await again({ A: '1' }, first.inputs)
    const other = await again({ A: '2' }, first.inputs)
    images.push(first.image, other.image)
    expect([same.isReused, same.image, other.isReused]).toEqual([true, made.image, false])
  })

  it('passes a Dockerfile only the declared args, honours .dockerignore and tells EXPOSE', async () => {
    const built = await build(fixture('dockerfile'), { config: { GREETING: 'hello there', SECRET: canary } })
    expect(built).toMatchObject({ imageKind: 'dockerfile', port: 4321, processTypes: { web: '' } })
    expect(await run(built, 'cat greeting.txt; ls')).toBe('hello there\nDockerfile\ngreeting.txt\nweb.js')
    expect(await text(spawn('docker', ['history', '--no-trunc', built.image]).stdout)).not.toContain(canary)
  })
})

describe('our buildpacks', () => {
  it.each([
    ['python', 'Python', 'python -c "import sys; print(sys.prefix)"', '/app/.heroku/python'],
    ['ruby', 'Ruby', 'ruby -e "puts 1 + 1"', '2'],
    ['procfile-only', 'Procfile', 'ls web.sh', 'web.sh'],
  ])('build the %s fixture', async (name, buildpack, command, expected) => {
    const built = await build(fixture(name))
    expect(built.buildpacks).toEqual([buildpack])
    expect(await run(built, command)).toBe(expected)
  })

  it.each([
    ['a failing build script', () => fixture('broken-build'), 'The script build of package.json failed'],
    ['two lockfiles', () => ({ 'package.json': '{}', 'yarn.lock': '', 'package-lock.json': '{}' }), 'two package managers'],
    ['broken JSON', () => ({ 'package.json': '{' }), 'package.json is not valid JSON'],
    [
      'an absent Python',
      () => ({ 'requirements.txt': '', '.python-version': '3.6\n' }),
      'asks for Python 3.6, but the stack has',
    ],
    ['a Gemfile without a lock', () => ({ Gemfile: '' }), 'no Gemfile.lock'],
    ['nothing known', () => ({ 'README.md': 'hi' }), 'No buildpack recognises this app'],
    ['a broken Procfile', () => ({ Procfile: 'web\n' }), 'Line 1 of the Procfile'],
  ])('explain %s', async (_, source, message) => {
    await expect(build(source() as Files)).rejects.toThrow(message)
  })
})
