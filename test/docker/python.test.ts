import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { building, fixture, freshApp } from '../support/building.ts'
import { debianWheels, gatewayOf, pythonIndex, sha256 } from '../support/python-index.ts'

const { build, served, run, engine, stack, instance, close } = building()
const NEEDED = ['flask', 'werkzeug', 'jinja2', 'markupsafe', 'click', 'itsdangerous', 'sqlalchemy', 'greenlet', 'redis', 'async-timeout', 'packaging', 'deprecated', 'wrapt', 'gunicorn'] // prettier-ignore

describe('the app of the twelve-factor text', () => {
  let wheels: Map<string, Buffer>
  let index: Awaited<ReturnType<typeof pythonIndex>>
  beforeAll(async () => {
    const labels = { 'dozen.instance': instance }
    const { id } = await stack.ensure()
    const network = await engine.ensureNetwork({ name: `dozen-${instance}-build`, labels: { ...labels, 'dozen.role': 'network' }, isolated: true }) // prettier-ignore
    wheels = await debianWheels(engine, id, NEEDED.map((name) => `python3-${name}`), labels) // prettier-ignore
    index = await pythonIndex(wheels, gatewayOf(network))
  })
  afterAll(async () => {
    index?.close()
    await close()
  })
  const config = () => ({ PIP_INDEX_URL: index.url, PIP_TRUSTED_HOST: new URL(index.url).hostname })
  const services = { DATABASE_URL: 'sqlite:////tmp/shop.db', REDIS_URL: 'redis://127.0.0.1:1/0' }

  it('is resolved by pip from an index, serves, logs to stdout, and ends in peace', async () => {
    const built = await build(fixture('twelve-factor'), { config: config(), appId: freshApp() })
    expect(built.output).toMatch(/Installing dependencies of requirements.txt[^]*Successfully installed [^\n]*Flask-2\.2\.2/)
    expect(index.asked).toEqual(expect.arrayContaining(['/simple/werkzeug/', '/simple/greenlet/']))
    const answers = await served(built, ['/health', '/'], { ...services, DYNO: 'web.1' })
    expect(answers).toMatchObject({ '/health': '200 {"database":"up","redis":"down"}', '/': '200 visit 1 on web.1', exit: '0' })
    expect(answers['log']).toMatch(/INFO visit 1[^]*Handling signal: term/)
  })

  it('installs what a lockfile says, by its hashes', async () => {
    const [name, content] = [...wheels].find(([file]) => file.startsWith('itsdangerous-'))!
    const lock = (hash: string) => `lock-version = "1.0"\n[[packages]]\nname = "itsdangerous"\nversion = "${name.split('-')[1]}"\nwheels = [{name = "${name}", hashes = {sha256 = "${hash}"}}]\n` // prettier-ignore
    const files = (hash: string) => ({ Procfile: 'web: python x', 'pyproject.toml': '', 'pylock.toml': lock(hash) })
    const built = await build(files(sha256(content)), { config: config(), appId: freshApp() })
    expect(await run(built, 'python -c "import itsdangerous; print(itsdangerous.__version__)"')).toBe(name.split('-')[1])
    await expect(build(files('0'.repeat(64)), { config: config(), appId: freshApp() })).rejects.toThrow(/HASH|hash/)
  })

  it('installs what requirements.txt says by its hashes, and nothing that has none', async () => {
    const [name, content] = [...wheels].find(([file]) => file.startsWith('itsdangerous-'))!
    const pinned = `--require-hashes\nitsdangerous==${name.split('-')[1]}`
    const files = (more: string) => ({ Procfile: 'web: python x', 'requirements.txt': `${pinned} ${more}\n` })
    const hash = `\\\n    --hash=sha256:${sha256(content)}`
    const built = await build(files(hash), { config: config(), appId: freshApp() })
    expect(await run(built, 'python -c "import itsdangerous; print(itsdangerous.__version__)"')).toBe(name.split('-')[1])
    await expect(build(files(''), { config: config(), appId: freshApp() })).rejects.toThrow(/hashes are required/i)
  })

  it('says which dependency is not to be had, and what to do', async () => {
    const files = { Procfile: 'web: x', 'requirements.txt': 'flask-of-nobody==1.0\n' }
    await expect(build(files, { config: config(), appId: freshApp() })).rejects.toThrow(/flask-of-nobody[^]*PIP_INDEX_URL/)
  })
})
