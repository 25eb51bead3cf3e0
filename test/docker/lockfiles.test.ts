import { afterAll, beforeAll, expect, it } from 'vitest'
import { building, pack } from '../support/building.ts'

const { build, run, stack, close } = building()
beforeAll(async () => void (await stack.ensure()))
afterAll(close)

const NEVER = 'sys_platform == \\"never\\"'
/** One needed package `a`, one of another platform, one of a development group, as each tool writes them. */
const LOCKS: Record<string, string> = {
  'pdm.lock': `[metadata]
groups = ["default", "test"]
lock_version = "4.5.0"
[[package]]
name = "a"
version = "1.0"
groups = ["default"]
files = [{file = "a-1.0.tar.gz", hash = "sha256:aa"}, {file = "a-1.0-py3-none-any.whl", hash = "sha256:bb"}]
[[package]]
name = "elsewhere"
version = "2.0"
groups = ["default"]
marker = "${NEVER}"
files = [{file = "e.whl", hash = "sha256:cc"}]
[[package]]
name = "tests-only"
version = "3.0"
groups = ["test"]
files = [{file = "t.whl", hash = "sha256:dd"}]
`,
  'poetry.lock': `[[package]]
name = "a"
version = "1.0"
optional = false
groups = ["main"]
files = [{file = "a.whl", hash = "sha256:bb"}, {file = "a.tar.gz", hash = "sha256:aa"}]
[[package]]
name = "elsewhere"
version = "2.0"
optional = false
groups = ["main"]
markers = "${NEVER}"
files = [{file = "e.whl", hash = "sha256:cc"}]
[[package]]
name = "extra"
version = "2.1"
optional = true
groups = ["main"]
files = []
[[package]]
name = "tests-only"
version = "3.0"
optional = false
groups = ["dev"]
files = [{file = "t.whl", hash = "sha256:dd"}]
`,
  'uv.lock': `version = 1
[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "a" }, { name = "elsewhere", marker = "${NEVER}" }]
[package.dev-dependencies]
dev = [{ name = "tests-only" }]
[[package]]
name = "a"
version = "1.0"
source = { registry = "https://index" }
sdist = { url = "https://index/a.tar.gz", hash = "sha256:aa" }
wheels = [{ url = "https://index/a.whl", hash = "sha256:bb" }]
[[package]]
name = "elsewhere"
version = "2.0"
source = { registry = "https://index" }
wheels = [{ url = "https://index/e.whl", hash = "sha256:cc" }]
[[package]]
name = "tests-only"
version = "3.0"
source = { registry = "https://index" }
wheels = [{ url = "https://index/t.whl", hash = "sha256:dd" }]
`,
  'pylock.toml': `lock-version = "1.0"
[[packages]]
name = "a"
version = "1.0"
sdist = { name = "a.tar.gz", hashes = { sha256 = "aa" } }
wheels = [{ name = "a.whl", hashes = { sha256 = "bb" } }]
[[packages]]
name = "elsewhere"
version = "2.0"
marker = "${NEVER}"
wheels = [{ name = "e.whl", hashes = { sha256 = "cc" } }]
`,
  'Pipfile.lock': JSON.stringify({
    default: {
      a: { version: '==1.0', hashes: ['sha256:bb', 'sha256:aa'] },
      elsewhere: { version: '==2.0', hashes: ['sha256:cc'], markers: "sys_platform == 'never'" },
    },
    develop: { 'tests-only': { version: '==3.0', hashes: ['sha256:dd'] } },
  }),
}

it('the lockfiles of pdm, Poetry, uv, pip and Pipenv each give what this machine needs to run the app, with its hashes', async () => {
  const names = Object.keys(LOCKS)
  const reads = names.map((name) => `/usr/bin/python3 /opt/dozen/buildpacks/python/locked.py ${name} > /app/out/${name}`)
  const files = Object.fromEntries(Object.entries(LOCKS).map(([name, text]) => [`locks/${name}`, text]))
  const packs = [pack(['set -e', 'mkdir /app/out', 'cd /app/locks', ...reads].join('\n'))]
  const built = await build({ Procfile: 'web: x', ...files }, { packs })
  const needed = 'a==1.0 --hash=sha256:aa --hash=sha256:bb'
  const read = await run(built, `cd out; for file in ${names.join(' ')}; do echo "$file: $(cat $file)"; done`)
  expect(read.split('\n')).toEqual(names.map((name) => `${name}: ${needed}`))
})
