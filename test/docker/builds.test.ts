import { createHash, randomBytes } from 'node:crypto'
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import tar from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builder } from '../../server/builds/builder.ts'
import { buildpackFetcher } from '../../server/buildpacks/fetch.ts'
import { systemClock as clock } from '../../server/clock.ts'
import { sizeOf } from '../../server/disk/usage.ts'
import { building, fixture, pack, type Files } from '../support/building.ts'

const limits = { buildTimeoutMs: 120_000, sourceBytes: 64 * 1024 ** 2 }
const pairs = [{ name: 'heroku-24', build: 'dozen/stack:latest', run: 'dozen/stack:run' }]
const { build, run, served, engine, stack, instance, containersLeft, close } = building(limits, pairs)

beforeAll(async () => void (await stack.ensure()))
afterAll(close)

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
      'bin/release': `#!/bin/bash\nprintf -- '---\\ndefault_process_types:\\n  lost: lost\\n'`,
    })
    const second = pack('echo "$FROM_FIRST" > $1/exported', {
      'bin/release': `#!/bin/bash\nprintf -- '---\\ndefault_process_types:\\n  web: default\\n  clock: tick\\n'`,
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

  it('stops every process of a dyno with SIGTERM and waits for all of them', async () => {
    const web = `process.on('SIGTERM', () => setTimeout(() => { console.log('in peace'); process.exit() }, 100))
require('node:http').createServer((_, response) => response.end('up')).listen(process.env.PORT)`
    const built = await build({ Procfile: "web: sh -c 'node web.js; true'; echo never", 'web.js': web })
    expect(await served(built, ['/'])).toMatchObject({ '/': '200 up', exit: '143', log: 'in peace' })
  })

  it("takes buildpacks from git at the commit of their ref, one of ours, and the app's own, in the order of the setting", async () => {
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
      const buildpacks = [`${repo}#v1`, 'heroku/nodejs', 'heroku/inline']
      const files = { Procfile: 'web: x', 'package.json': '{"name":"x","version":"1.0.0"}', 'bin/compile': '#!/bin/bash\necho "inline after $MARK" > $1/inline\n' } // prettier-ignore
      const fetch = buildpackFetcher({
        env: { PATH: process.env['PATH']!, HOME: '/nonexistent' },
        maxBytes: 1024 ** 2,
        sizeOf,
        clock,
      })
      const built = await build(files, { fetch, buildpacks })
      expect(built.buildpacks).toEqual([`${repo}#${git('rev-parse', 'v1')}`, 'nodejs', 'inline'])
      expect(built.output).toMatch(/because the app's buildpack setting says so[^]*third-party on heroku-22[^]*Using Node.js/)
      expect(await run(built, 'cat inline')).toBe('inline after git')
      await expect(build(files, { fetch, buildpacks: [repo] })).rejects.toThrow('has no bin/compile')
    } finally {
      rmSync(repo, { recursive: true })
    }
  })

  it('runs a named buildpack without detect, gives each a writable folder and cache, and takes the last release, whatever it prints', async () => {
    const odd = (print: string) => pack('touch "$(dirname "$0")/../mine" "$2/x"', { 'bin/detect': '#!/bin/bash\ntouch /app/detected; exit 1', 'bin/release': `#!/bin/bash\n${print}` }) // prettier-ignore
    const types = pack('true', { 'bin/release': "#!/bin/bash\nprintf -- '---\\ndefault_process_types:\\n  lost: x\\n'" })
    for (const print of ["echo '--- {}'", 'echo ---', 'true']) {
      const built = await build({ Procfile: 'web: x' }, { packs: [types, odd(print)] })
      expect(built.processTypes).toEqual({ web: 'x' })
      expect(await run(built, 'ls detected 2>&1')).toContain('No such file')
    }
    expect((await build({ Procfile: 'web: x' }, { packs: [types, pack('true')] })).processTypes).toEqual({ web: 'x' })
  })

  it('takes packages of Debian as the apt buildpack does: as a user, into the app', async () => {
    const compile = `set -e
state="$2/apt"; mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$1/.apt"
cat /etc/apt/sources.list > "$state/sources.list"
options="-o debug::nolocking=true -o dir::cache=$state/cache -o dir::state=$state -o dir::etc::sourcelist=$state/sources.list"
apt-get $options update > /dev/null
apt-get $options -y --allow-downgrades -d install --reinstall $(cat "$1/Aptfile") > /dev/null
for deb in "$state"/cache/archives/*.deb; do dpkg -x "$deb" "$1/.apt/"; done
mkdir -p "$1/.profile.d"; echo 'export PATH="$HOME/.apt/usr/bin:$HOME/.apt/usr/games:$PATH"' > "$1/.profile.d/000_apt.sh"
echo "export PATH=\\"$1/.apt/usr/bin:$PATH\\"" > "$(cd "$(dirname "$0")/.." && pwd)/export"`
    const second = pack('hello > $1/said')
    const built = await build({ Procfile: 'web: x', Aptfile: 'hello\n' }, { packs: [pack(compile), second] })
    expect(await run(built, 'hello; cat said')).toBe('Hello, world!\nHello, world!')
  })

  it('tells what the build is called, whatever that is', async () => {
    const packs = [pack('printf "%s" "$SOURCE_VERSION" > $1/version; [ "$REQUEST_ID" ] && [ -z "${DYNO+x}" ]')]
    for (const commit of ['', 'two words', 'line\n7 break']) {
      const built = await build({ Procfile: 'web: x' }, { packs, commit })
      expect(await run(built, 'cat version')).toBe(commit)
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
    const release = what.startsWith('takes') ? { 'bin/release': `#!/bin/bash\necho 'a: [b'` } : {}
    await expect(build({ Procfile: 'web: x' }, { packs: [pack(compile, release)] })).rejects.toThrow(message)
    await expect.poll(containersLeft, { timeout: 20_000 }).toBe(0)
  })
})

describe('the build container', () => {
  it('is stopped by the time limit and by abort, and nothing stays behind (ABUSE 38)', async () => {
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

  it('reads a flood of output to its end but passes on a bounded part (ABUSE 40)', async () => {
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

  it('runs without rights on the host and cannot be left through /app (ABUSE 43, 44)', async () => {
    const compile = 'cat /proc/self/status | grep -E "^(CapEff|NoNewPrivs)" | xargs > $1/rights; ls /var/run/docker.sock 2>&1 | tail -n 1 >> $1/rights; rm -rf /app 2>/dev/null; ln -s / /app 2>/dev/null; true' // prettier-ignore
    const built = await build({ Procfile: 'web: x' }, { packs: [pack(`${compile.replace('rm -rf /app 2>/dev/null; ', '')}`)] })
    expect(await run(built, 'cat rights')).toMatch(/^CapEff: 0+ NoNewPrivs: 1\n.*No such file/)
  })
})

describe('the image', () => {
  const canary = randomBytes(12).toString('hex')
  /** Everything that `docker save` gives of images but the layers of their base, as text. */
  async function layersAbove(images: string[], base: string) {
    const layersOf = async (ref: string) => JSON.parse(await text(spawn('docker', ['image', 'inspect', '-f', '{{json .RootFS.Layers}}', ref]).stdout)) as string[] // prettier-ignore
    const theirs = await layersOf(base)
    for (const image of images) expect((await layersOf(image)).slice(0, theirs.length)).toEqual(theirs)
    const extract = tar.extract()
    spawn('docker', ['save', ...images]).stdout.pipe(extract)
    const parts: string[] = []
    for await (const entry of extract) {
      const whole = await buffer(entry)
      const sha256 = `sha256:${createHash('sha256').update(whole).digest('hex')}`
      if (!theirs.includes(sha256)) parts.push(whole.toString('latin1'))
    }
    return parts.join('\n')
  }

  it('holds no config value in its history, settings, layers or log (ABUSE 41, 42)', async () => {
    const built = await build(fixture('node-hello'), { config: { CANARY: canary } })
    const dockerfile = { Dockerfile: 'FROM dozen/stack:run\nARG CANARY\nRUN test "$CANARY" && echo used > /used\nUSER app\n' }
    const declared = await build(dockerfile, { config: { CANARY: canary } })
    expect(await run(declared, 'cat /used')).toBe('used')
    for (const one of [built, declared]) {
      const inspected = await text(spawn('docker', ['image', 'inspect', one.image]).stdout)
      const history = await text(spawn('docker', ['history', '--no-trunc', one.image]).stdout)
      expect(inspected + history + one.output).not.toContain(canary)
    }
    const saved = await layersAbove([built.image, declared.image], 'dozen/stack:run')
    expect(saved).toMatch(/used\n[^]*require\(|require\([^]*used\n/) // the layers of both were looked through
    expect(saved).not.toContain(canary)
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
      make.build({ appId: 'a', appName: 'a', buildId: `r${Math.random()}`, source: fixture('static'), commit: '1', config, reuse: async (inputs) => (inputs === known ? former : undefined) }, { signal: new AbortController().signal, log: () => {} }) // prettier-ignore
    const first = await again({ A: '1' })
    const same = await again({ A: '1' }, first.inputs)
    const other = await again({ A: '2' }, first.inputs)
    expect([same.isReused, same.image, other.isReused]).toEqual([true, made.image, false])
  })

  it('may be several by heroku.yml, each in the folder of its Dockerfile, and is used again only when all are there', async () => {
    const yaml = `build: {docker: {web: Dockerfile, worker: work/Dockerfile}, config: {WHO: args}}
run: {web: cat /root.txt, mailer: {command: 'cat /work.txt', image: worker}}
release: {image: worker, command: [cat /work.txt]}`
    const dockerfile = (file: string) => `FROM dozen/stack:run\nARG WHO\nCOPY ${file} /\nRUN echo $WHO >> /${file}\nEXPOSE 4000\n`
    const files = { 'heroku.yml': yaml, Dockerfile: dockerfile('root.txt'), 'root.txt': 'root ', 'work/Dockerfile': dockerfile('work.txt'), 'work/work.txt': 'work ', 'work/.dockerignore': 'no*', 'work/no.txt': '' } // prettier-ignore
    const built = await build(files)
    const { worker, mailer, release } = built.images!
    expect(built.processTypes).toEqual({ web: 'cat /root.txt', worker: '', mailer: 'cat /work.txt', release: 'cat /work.txt' })
    expect([Object.keys(built.images!), worker, mailer]).toEqual([['worker', 'mailer', 'release'], release, release])
    expect(await run(built, built.processTypes['web']!)).toBe('root args')
    expect(await run({ ...built, image: worker!.image }, built.processTypes['mailer']!)).toBe('work args')
    const former = { ...built, number: 7 }
    expect((await build(files, { reuse: async () => former })).output).toContain('using its image')
    const gone = { ...former, images: { worker: { image: `sha256:${'0'.repeat(64)}`, port: null } } }
    expect((await build(files, { reuse: async () => gone })).isReused).toBe(false)
  })

  it.each([
    ['the network of the machine', 'RUN --network=host true'],
    ['rights on the machine', 'RUN --security=insecure true'],
    ['an image of another app by its id', `COPY --from=sha256:${'0'.repeat(64)} / /`],
    ['an image of another app to mount', `RUN --mount=type=bind,from=sha256:${'0'.repeat(64)},target=/theirs true`],
    ['a path outside of its context', 'COPY ../../etc/hostname /'],
  ])('gives no Dockerfile %s (ABUSE 45, 46)', async (_, line) => {
    await expect(build({ Dockerfile: `FROM dozen/stack:run\n${line}\n` })).rejects.toMatchObject({ code: 'build_failed' })
  })

  it.each([7, 8, 9])('leads no step to the machine by the descriptor %i of who starts it (ABUSE 46)', async (fd) => {
    const steps = `WORKDIR /proc/self/fd/${fd}\nRUN cat ../../../etc/hostname ../../../../etc/hostname ../../../../../etc/hostname; echo read\n`
    const { message } = await build({ Dockerfile: `FROM dozen/stack:run\n${steps}` }).then(({ output }) => ({ message: output }), (cause: Error) => cause) // prettier-ignore
    expect(message).toMatch(/fd\/\d/)
    expect(message.split('\n').map((line) => line.split(' ').at(-1))).not.toContain(hostname())
  })

  it('follows no link of the source on the machine (ABUSE 47)', async () => {
    const header = { name: 'leak', type: 'symlink' as const, linkname: '/etc/hostname' }
    const source = tar.pack()
    source.entry(header)
    source.entry({ name: 'Dockerfile' }, 'FROM dozen/stack:run\nCOPY leak /copied\n')
    source.finalize()
    const built = await build(Readable.from(source)).catch((cause: Error) => cause)
    if (built instanceof Error) expect(built.message).toMatch(/not found|no such file/i)
    else expect(await run(built, 'cat /copied')).not.toContain(hostname())
  })

  it('shows what the steps of a Dockerfile print, and which one fails', async () => {
    const failing = { Dockerfile: `FROM dozen/stack:run\nRUN echo ${canary}-ü && false\n` }
    await expect(build(failing)).rejects.toThrow(
      new RegExp(`exit code: 1[^]*#(\\d) \\[2/2\\] RUN echo[^]*#\\1 ${canary}-ü\n#\\1 ERROR`),
    )
  })

  it('passes a Dockerfile only the declared args, honours .dockerignore and tells EXPOSE (ABUSE 47)', async () => {
    const built = await build(fixture('dockerfile'), { config: { GREETING: 'hello there', SECRET: canary } })
    expect(built).toMatchObject({ imageKind: 'dockerfile', port: 4321, processTypes: { web: '' } })
    expect(await run(built, 'cat greeting.txt; ls')).toBe('hello there\nDockerfile\ngreeting.txt\nweb.js')
    expect(await text(spawn('docker', ['history', '--no-trunc', built.image]).stdout)).not.toContain(canary)
  })
})

describe('a stack of other images', () => {
  it('gets what builds and processes need, and its name as $STACK', async () => {
    const packs = [pack('echo "$STACK" > $1/stack; id -un >> $1/stack; which node >> $1/stack')]
    const built = await build({ Procfile: 'web: x' }, { packs, stackSetting: 'heroku-24' })
    expect(await run(built, 'cat stack')).toBe('heroku-24\napp\n/opt/dozen/node/bin/node')
    expect(stack.names()).toEqual(['heroku-22', 'heroku-24'])
    const ours = await stack.ensure()
    expect([built.stackImage, built.runImage]).not.toEqual([ours.id, ours.runImage])
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

  it('builds Go with its vendored dependencies, and runs it by the name of its module', async () => {
    const built = await build(fixture('go'))
    expect(built.processTypes).toEqual({ web: 'bin/hello' })
    expect(built.output).toMatch(/with the vendored dependencies/)
    expect(await served(built, ['/'])).toMatchObject({ '/': expect.stringMatching(/^200 hello from go1\./) as string })
  })

  it('serves files: the fallback of a single-page app, headers and redirects of static.json, and SIGTERM in peace', async () => {
    const built = await build(fixture('static'))
    const answers = await served(built, ['/', '/deep/link', '/site.css', '/static.json'])
    expect(answers['/deep/link']).toBe(answers['/'])
    expect([answers['/site.css'], answers['/static.json']]).toEqual([expect.stringMatching(/^200 /), expect.stringMatching(/^404 /)]) // prettier-ignore
    expect(answers['exit']).toMatch(/^(0|143)$/)
    const ask = (path: string) =>
      `curl -s -o /dev/null -D - --retry 40 --retry-connrefused --retry-delay 1 http://127.0.0.1:5123${path}`
    const heads = await run(built, `PORT=5123 bin/static > /dev/null 2>&1 & ${ask('/old')}; ${ask('/any/where')}; kill %1`)
    expect(heads).toMatch(/301[^]*Location: \/site.css[^]*200[^]*X-Frame-Options: DENY/i)
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
    ['an absent Go', () => ({ 'go.mod': 'module x\n\ngo 1.99\n', 'main.go': 'package main' }), 'go.mod asks for Go 1.99'],
    ['broken static.json', () => ({ 'static.json': '{' }), 'static.json is not valid JSON'],
    ['a language of others', () => ({ 'composer.json': '{}' }), /looks like PHP[^]*buildpacks:set/],
    ['a Gemfile without a lock', () => ({ Gemfile: '' }), 'no Gemfile.lock'],
    ['nothing known', () => ({ 'README.md': 'hi' }), 'No buildpack recognises this app'],
    ['a broken Procfile', () => ({ Procfile: 'web\n' }), 'Line 1 of the Procfile'],
  ])('explain %s', async (_, source, message) => {
    await expect(build(source() as Files)).rejects.toThrow(message)
  })
})
