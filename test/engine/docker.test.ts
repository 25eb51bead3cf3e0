import { createHash, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import Dockerode from 'dockerode'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { progress } from '../../server/engine/docker-images.ts'
import { commitLayer, loadLayer } from '../../server/engine/docker-layers.ts'
import { dockerEngine } from '../../server/engine/docker.ts'
import type { ContainerSpec, LogChunk } from '../../server/engine/port.ts'
import { packFiles } from '../../server/stack/pack.ts'
import { textFiles } from '../../server/builds/archive.ts'
import { engineContract } from './contract.ts'

const SOCKET = process.env['DOZEN_DOCKER_SOCKET'] || '/var/run/docker.sock'
const engine = dockerEngine({ socket: SOCKET })
let image = ''
beforeAll(async () => {
  const [stack] = (await engine.images({ 'dozen.role': 'stack' })).filter((one) => one.tags.includes('dozen/stack:latest'))
  if (!stack) throw new Error('The stack image is not there: `npm test` makes it.')
  image = stack.id
})

engineContract('the Docker engine', () => engine, () => image) // prettier-ignore

describe('the Docker engine, with programs that run', () => {
  const labels = { 'dozen.instance': `test-${randomUUID().slice(0, 8)}` }
  const create = (command: string, over: Partial<ContainerSpec> = {}) =>
    engine.create({
      name: `dozen-test-${randomUUID()}`,
      image,
      cmd: ['/bin/bash', '-c', command],
      env: {},
      labels,
      network: 'none',
      ...over,
    })
  const chunks = async (id: string, since?: string) => {
    const all: LogChunk[] = []
    for await (const chunks of engine.logs(id, { follow: true, ...(since && { since }) })) all.push(...chunks)
    return all
  }
  const textOf = (all: LogChunk[], stream: string) =>
    all.filter((chunk) => chunk.stream === stream).map((chunk) => chunk.bytes.toString()).join('') // prettier-ignore
  afterAll(async () => {
    for (const container of await engine.list(labels)) await engine.remove(container.id)
    for (const one of await engine.images(labels)) await engine.removeImage(one.id)
    for (const { name } of await engine.networks(labels)) await engine.removeNetwork(name)
  })

  it('keeps both streams apart, and gives the log from a position on', async () => {
    const id = await create('for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.01; done')
    await engine.start(id)
    const all = await chunks(id)
    expect([textOf(all, 'stdout'), textOf(all, 'stderr')]).toEqual(['out 1\nout 2\nout 3\n', 'err 1\nerr 2\nerr 3\n'])
    const third = all.find((chunk) => chunk.bytes.toString() === 'out 2\n')!
    expect((await chunks(id, third.position))[0]!.bytes.toString()).toMatch(/ 2\n$/)
  })
  it('says that a process ran out of memory', async () => {
    // containerd watches a container's memory only a moment after its start (its #12405)
    const id = await create('sleep 1; exec node -e "const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1))"', {
      memoryBytes: 64 << 20,
    })
    await engine.start(id)
    expect(await engine.wait(id)).toMatchObject({ oomKilled: true })
  })
  it('gives standard input to its end and misses no first byte', async () => {
    const id = await create('echo first; cat; echo err >&2; exit 3', { openStdin: true })
    const attached = await engine.attach(id)
    await engine.start(id)
    attached.input.end('from stdin\n')
    const [output, errors] = await Promise.all([text(attached.output), text(attached.errors!)])
    expect([output, errors]).toEqual(['first\nfrom stdin\n', 'err\n'])
    expect(await engine.wait(id)).toMatchObject({ code: 3 })
  })
  it('gives a terminal and its size', async () => {
    const id = await create('read x; stty size', { openStdin: true, tty: true })
    const attached = await engine.attach(id)
    await engine.start(id)
    await engine.resize(id, { columns: 123, rows: 45 })
    attached.input.write('\n')
    expect(await text(attached.output)).toContain('45 123')
  })
  it('puts files in and takes them out', async () => {
    const id = await create('true')
    await engine.putArchive(id, '/tmp', await packFiles([{ name: 'x/hello', content: 'hi' }]))
    expect((await textFiles(await engine.getArchive(id, '/tmp/x'))).get('hello')).toBe('hi')
  })
  it('keeps containers of an isolated network apart, and reachable from here', async () => {
    const network = await engine.ensureNetwork({ name: `dozen-test-${randomUUID()}`, labels, isolated: true })
    const server = await create(`exec node -e "require('http').createServer((q, r) => r.end('here')).listen(5000)"`, { network })
    await engine.start(server)
    const { ip } = (await engine.find(server))!
    const url = `http://${ip}:5000/`
    await expect.poll(() => fetch(url).then((answer) => answer.text(), () => ''), { timeout: 10_000 }).toBe('here') // prettier-ignore
    const client = await create(`curl -s -m 2 ${url} || echo refused`, { network })
    await engine.start(client)
    expect(textOf(await chunks(client), 'stdout')).toBe('refused\n')
  })
  it('builds a Dockerfile with its arguments, telling its output as it comes', async () => {
    const context = await packFiles([
      {
        name: 'Dockerfile',
        content:
          'FROM dozen/stack:latest\nARG WHO\nRUN echo "hello $WHO" | tee /tmp/said\nEXPOSE 7001\nCMD ["cat", "/tmp/said"]\n',
      },
    ])
    let output = ''
    const id = await engine.build(Readable.from([context]), {
      args: { WHO: randomUUID() },
      labels,
      onOutput: (part) => (output += part),
    })
    expect(output).toMatch(/hello [0-9a-f-]{36}/)
    expect(await engine.image(id)).toMatchObject({ ports: [7001], cmd: ['cat', '/tmp/said'], labels })
  })
  it('says why a Dockerfile did not build', async () => {
    const context = await packFiles([
      { name: 'Dockerfile', content: 'FROM dozen/stack:latest\nRUN echo the-reason >&2; exit 9\n' },
    ])
    let output = ''
    const building = engine.build(Readable.from([context]), { args: {}, labels, onOutput: (part) => (output += part) })
    await expect(building).rejects.toMatchObject({ code: 'build_failed', message: expect.stringContaining('9') })
    expect(output).toContain('the-reason')
  })
  it.each([
    ['loaded', loadLayer],
    ['committed', commitLayer],
  ])('puts a layer on an image, %s', async (_, way) => {
    const tar = await packFiles([{ name: 'app/hello.txt', content: 'from the layer', owner: 1000 }])
    const layer = {
      sha256: createHash('sha256').update(tar).digest('hex'),
      bytes: tar.length,
      createdAt: new Date(),
      coming: Readable.from([tar]),
      open: () => Readable.from([tar]),
    }
    const client = new Dockerode({ socketPath: SOCKET })
    const made = await way(client, { ...engine, progress: (...all) => progress(...all, () => {}) }, image, layer, { labels, user: 'app', workingDir: '/app', env: { HOME: '/app' } }) // prettier-ignore
    try {
      expect(await engine.image(made)).toMatchObject({ labels, user: 'app', workingDir: '/app' })
      const id = await create('cat hello.txt; stat -c " %u $HOME" hello.txt; test -n "$PATH"; env | grep -c ^HOME=', {
        image: made,
      })
      await engine.start(id)
      await engine.wait(id)
      expect(textOf(await chunks(id), 'stdout')).toBe('from the layer 1000 /app\n1\n')
      await engine.remove(id)
    } finally {
      await engine.removeImage(made)
    }
  })
  it('loads no layer whose bytes are not those it was told of', async () => {
    const tar = await packFiles([{ name: 'app/hello.txt', content: 'x' }])
    const layer = {
      sha256: 'f'.repeat(64),
      bytes: tar.length,
      createdAt: new Date(),
      coming: Readable.from([tar]),
      open: () => Readable.from([tar]),
    }
    const client = new Dockerode({ socketPath: SOCKET })
    const loading = loadLayer(client, { ...engine, progress: (...all) => progress(...all, () => {}) }, image, layer, { labels })
    await expect(loading).rejects.toMatchObject({ code: 'other' })
  })
  it('cannot be taken in by values that look like instructions', async () => {
    const id = await create('true')
    const value = 'x\nENV EVIL=1 "$HOME" \\'
    const made = await engine.commit(id, { labels: { ...labels, tricky: value } })
    expect((await engine.image(made))!.labels['tricky']).toBe(value)
  })
  it('says that nothing answers at a dead socket', () =>
    expect(dockerEngine({ socket: '/nonexistent/docker.sock' }).ping()).rejects.toMatchObject({ code: 'unreachable' }))
})
