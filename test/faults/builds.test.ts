import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { building, fixture, freshApp } from '../support/building.ts'
import { gatewayOf, debianWheels, pythonIndex } from '../support/python-index.ts'

const { build, run, engine, stack, instance, close } = building()
/** Paths, modes, sizes, times, owners and contents of everything in /app. */
const TREE = 'find . -printf "%p %y %m %s %T@ %u %l\\n" | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum'

describe('reproducible builds', () => {
  let index: Awaited<ReturnType<typeof pythonIndex>>
  let config: Record<string, string>
  beforeAll(async () => {
    const labels = { 'dozen.instance': instance }
    const { id } = await stack.ensure()
    const network = await engine.ensureNetwork({ name: `dozen-${instance}-build`, labels: { ...labels, 'dozen.role': 'network' }, isolated: true }) // prettier-ignore
    const needed = ['flask', 'werkzeug', 'jinja2', 'markupsafe', 'click', 'itsdangerous', 'sqlalchemy', 'greenlet', 'redis', 'async-timeout', 'packaging', 'deprecated', 'wrapt', 'gunicorn'] // prettier-ignore
    index = await pythonIndex(await debianWheels(engine, id, needed.map((name) => `python3-${name}`), labels), gatewayOf(network)) // prettier-ignore
    config = { PIP_INDEX_URL: index.url, PIP_TRUSTED_HOST: new URL(index.url).hostname }
  })
  afterAll(async () => {
    index?.close()
    await close()
  })

  it.each([
    'node-hello',
    'yarn-classic',
    'yarn-berry',
    'pnpm',
    'python',
    'twelve-factor',
    'ruby',
    'go',
    'static',
    'procfile-only',
  ])('make the same tree of %s with an empty cache and with a full one', async (name) => {
    const [one, other] = [freshApp(), freshApp()]
    const trees: string[] = []
    for (const appId of [one, other, one]) trees.push(await run(await build(fixture(name), { appId, config }), TREE))
    expect(trees[0]!.split('\n').length).toBeGreaterThan(2)
    expect(trees[1]).toBe(trees[0])
    expect(trees[2]).toBe(trees[0])
  })
})
