import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import tar from 'tar-stream'
import type { Engine } from '../../server/engine/port.ts'
import { packFiles } from '../../server/stack/pack.ts'
import { ROOT } from './programs.ts'

/** name → wheel, made in a container of `image` from Debian's own packages: "python3-flask" and what it needs. */
export async function debianWheels(engine: Engine, image: string, packages: readonly string[], labels: Record<string, string>) {
  const id = await engine.create({
    name: `dozen-test-wheels-${process.pid}`,
    image,
    cmd: ['python3', '/wheels.py', '/wheels', ...packages],
    entrypoint: [],
    env: {},
    labels,
    network: 'bridge',
    user: 'root',
  })
  try {
    const content = readFileSync(join(ROOT, 'test/support/debian_wheels.py'))
    await engine.putArchive(id, '/', await packFiles([{ name: 'wheels.py', content }]))
    await engine.start(id)
    const { code } = await engine.wait(id)
    if (code !== 0) throw new Error(`the wheels could not be made: ${await printedBy(engine, id)}`)
    return await filesOf(await engine.getArchive(id, '/wheels'))
  } finally {
    await engine.remove(id)
  }
}

async function printedBy(engine: Engine, id: string) {
  const chunks: Buffer[] = []
  for await (const some of engine.logs(id, { follow: false })) chunks.push(...some.map(({ bytes }) => bytes))
  return Buffer.concat(chunks).toString()
}

async function filesOf(stream: NodeJS.ReadableStream): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  const extract = tar.extract()
  stream.pipe(extract)
  for await (const entry of extract) {
    const content = await buffer(entry)
    if (entry.header.name.endsWith('.whl')) files.set(entry.header.name.split('/').at(-1)!, content)
  }
  return files
}

/** The machine's own address on a network of the engine: what its containers reach the test by. */
export const gatewayOf = (network: string) =>
  execFileSync('docker', ['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', network], { encoding: 'utf8' }).trim()

const projectOf = (wheel: string) =>
  wheel
    .split('-')[0]!
    .toLowerCase()
    .replace(/[-_.]+/g, '-')
export const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')

/** A simple index (PEP 503) of these wheels at `host`; `asked` has the paths that were asked for. */
export async function pythonIndex(wheels: ReadonlyMap<string, Buffer>, host: string) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    asked.push(path)
    const [, kind, name = ''] = path.split('/')
    if (kind === 'files' && wheels.has(name)) return void response.end(wheels.get(name))
    const links = [...wheels].filter(([wheel]) => projectOf(wheel) === name)
    if (kind !== 'simple' || links.length === 0) return void response.writeHead(404).end()
    const body = links.map(([wheel, content]) => `<a href="/files/${wheel}#sha256=${sha256(content)}">${wheel}</a>`)
    response.setHeader('content-type', 'text/html').end(`<!DOCTYPE html><html><body>${body.join('\n')}</body></html>`)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const url = `http://${host}:${(server.address() as AddressInfo).port}/simple/`
  return { url, asked, close: () => void server.close() }
}
