import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildpackFetcher } from '../../server/buildpacks/fetch.ts'
import { systemClock as clock } from '../../server/clock.ts'
import { sizeOf } from '../../server/disk/usage.ts'
import { building, freshApp, type Files } from '../support/building.ts'

const { build, run, served, stack, close } = building()
const folder = mkdtempSync(join(tmpdir(), 'dozen-test-packs-'))
const fetch = buildpackFetcher({ env: { PATH: process.env['PATH']!, HOME: '/nonexistent' }, maxBytes: 1024 ** 2, sizeOf, clock })
beforeAll(async () => void (await stack.ensure()))
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await close()
})

/** A git repository of these files, as its buildpack's authors would have it; its path. */
function repository(name: string, files: Files): string {
  const repo = join(folder, name)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(repo, path)), { recursive: true })
    writeFileSync(join(repo, path), text)
    chmodSync(join(repo, path), path.startsWith('bin/') ? 0o755 : 0o644)
  }
  const git = (...args: string[]) => execFileSync('git', ['-C', repo, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args])
  git('init', '-q', '-b', 'main')
  git('add', '-A')
  git('commit', '-qm', 'one')
  return repo
}

/** What the widely used ones do, in their own manner: subdir, null, apt's profile, nginx's packed program, a release step that is full of keys. */
const SUBDIR: Files = {
  'bin/detect': '#!/usr/bin/env bash\necho "Subdir"\n',
  'bin/compile': `#!/usr/bin/env bash
BUILD_DIR=$1
CACHE_DIR=$2
ENV_DIR=$3
PROJECT_PATH=$(cat "$ENV_DIR/PROJECT_PATH")
if [ -d "$BUILD_DIR/$PROJECT_PATH" ]; then
  TMP_DIR=$(mktemp -d "$CACHE_DIR/subdirXXXXX")
  cp -R "$BUILD_DIR/$PROJECT_PATH/." "$TMP_DIR/"
  rm -rf "$BUILD_DIR"
  mkdir -p "$BUILD_DIR"
  cp -R "$TMP_DIR/." "$BUILD_DIR/"
  rm -rf "$TMP_DIR"
  exit 0
fi
echo "-----> PROJECT_PATH is undefined" >&2
exit 1
`,
  'bin/release': '#!/usr/bin/env bash\necho "--- {}"\n',
}
/** Takes BUILD_DIR itself away and puts another folder in its place. */
const MONOREPO = (replace: string): Files => ({
  'bin/detect': '#!/bin/sh\necho "Monorepo"\n',
  'bin/compile': `#!/bin/sh
APP_BASE="$(cat "$3/APP_BASE")"
STAGE="$(mktemp -d)"
(
  ${replace}
)
STATUS="$?"
if [ "$STATUS" -ne 0 ]; then echo "FAILED to copy $APP_BASE into place"; exit "$STATUS"; fi
echo "Copied $APP_BASE to root of app successfully"
`,
  'bin/release': '#!/bin/sh\necho "---"\n',
})
const NULL: Files = {
  'bin/detect': '#!/bin/sh\necho "Null"\nexit 0\n',
  'bin/compile': '#!/bin/sh\nexit 0\n',
  'bin/release': '#!/bin/sh\necho "---"\necho "addons:"\necho "default_process_types:"\n',
  'bin/test': '#!/bin/sh\ntouch "$1/tested"\n',
  'bin/test-compile': '#!/bin/sh\ntouch "$1/test-compiled"\nexit 1\n',
}
const SERVER: Files = {
  'bin/detect': '#!/usr/bin/env bash\necho "server"\n',
  'bin/compile': `#!/usr/bin/env bash
set -e
fail_fast() { [ "$STACK" ] || exit 1; }
fail_fast
mkdir -p "$1/bin" "$1/.profile.d"
bp=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$bp/packed" && cp "$bp/server-$STACK.sh" "$bp/packed/serve" && tar -czf "$bp/server.tgz" -C "$bp/packed" serve
tar -xzf "$bp/server.tgz" -C "$1/bin"
chmod +x "$1/bin/serve"
cat > "$1/.profile.d/server.sh" <<'P'
export SERVED_BY="$HOME/bin/serve"
P
echo "machine example" > "$HOME/.netrc"
echo "export FROM_SERVER=1" > "$bp/export"
if [ -f "$2/compiled" ]; then echo "-----> compiled before"; fi
touch "$2/compiled"
`,
  'bin/release': `#!/usr/bin/env bash
cat <<EOF
---
addons:
  - heroku-postgresql:mini
config_vars:
  SERVER_MODE: "on"
  HEROKU_MADE: "1"
  PORT_COUNT: 8
default_process_types:
  web: bin/serve
  other: "true"
EOF
`,
  'server-heroku-22.sh': '#!/bin/bash\nexec python3 -m http.server "$PORT" --bind 0.0.0.0\n',
}

describe('buildpacks of others, by the URLs of their repositories', () => {
  it('make the root of a folder, do nothing, and bring a program, in one build, with the cache of the last one', async () => {
    const buildpacks = [repository('subdir', SUBDIR), repository('null', NULL), `file://${repository('server', SERVER)}#main`]
    const files = { 'apps/site/index.html': 'the site', 'apps/site/Procfile': 'worker: sleep 1\r\n# by CRLF\r\n', 'other/x': '' }
    const input = { buildpacks, fetch, appId: freshApp(), config: { PROJECT_PATH: 'apps/site' } }
    const built = await build(files, input)
    expect(built.buildpacks.map((name) => name.replace(/#[0-9a-f]{40}$/, ''))).toEqual(
      buildpacks.map((url) => url.replace('#main', '')),
    )
    expect(built.processTypes).toEqual({ worker: 'sleep 1', web: 'bin/serve', other: 'true' })
    expect(built.configDefaults).toEqual({ SERVER_MODE: 'on', PORT_COUNT: '8' })
    expect(await run(built, 'ls; cat .netrc; echo $SERVED_BY')).toBe('Procfile\nbin\nindex.html\nmachine example\n/app/bin/serve')
    expect((await served(built, ['/']))['/']).toContain('200 the site')
    expect((await build(files, input)).output).toContain('-----> compiled before')
  })

  it.each([
    ['move', 'mv "$1/$APP_BASE" "$STAGE" && rm -rf "$1" && mv "$STAGE/$(basename "$APP_BASE")" "$1"'],
    ['copy', 'cp -R "$1/$APP_BASE" "$STAGE" && rm -fr "$1/" && cp -Rp "$STAGE/$(basename "$APP_BASE")/" "$1"'],
    ['set aside', 'mv "$1" "$STAGE/old" && mkdir "$1" && cp -R "$STAGE/old/$APP_BASE/." "$1"'],
  ])('put another folder in the place of BUILD_DIR: %s', async (way, replace) => {
    const buildpacks = [repository(`monorepo-${way.replace(' ', '-')}`, MONOREPO(replace)), 'heroku/procfile']
    const files = { 'apps/api/Procfile': 'web: ./serve', 'apps/api/.hidden': 'h', 'apps/site/x': '', Procfile: 'web: wrong' }
    const built = await build(files, { buildpacks, fetch, config: { APP_BASE: 'apps/api' } })
    expect(built.output).toContain('Copied apps/api to root of app successfully')
    expect(built.processTypes).toEqual({ web: './serve' })
    expect(await run(built, 'ls -A')).toBe('.hidden\nProcfile')
  })

  it('end a build that they leave without its app', async () => {
    const taker = repository('taker', MONOREPO('rm -rf "$1"'))
    await expect(build({ Procfile: 'web: x' }, { buildpacks: [taker], fetch, config: { APP_BASE: 'x' } })).rejects.toThrow(
      'took /app away',
    )
  })

  it('end a build with what they said and their status, and one that is not there says which', async () => {
    const subdir = repository('subdir-alone', SUBDIR)
    const files = { Procfile: 'web: x' }
    await expect(build(files, { buildpacks: [subdir], fetch, config: { PROJECT_PATH: 'nowhere' } })).rejects.toThrow(
      /PROJECT_PATH is undefined[^]*status 1/,
    )
    await expect(build(files, { buildpacks: [`${subdir}#v9`], fetch })).rejects.toThrow(/subdir-alone[^]*v9/)
    await expect(build(files, { buildpacks: [`file://${folder}/absent`], fetch })).rejects.toThrow(/absent/)
  })
})
