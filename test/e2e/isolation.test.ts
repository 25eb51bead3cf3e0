import Docker from 'dockerode'
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run, until } from '../support/programs.ts'
import { stackImage } from '../support/sweep.ts'
import { inspect, nodeApp, useWorld } from '../support/world.ts'

const docker = new Docker({ socketPath: process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock' })

/** Connects to each "host:port" it is given ("GATEWAY" is the bridge's address), asks for `/` of the app outer, and prints what came of it. */
const PROBE = `
const { connect } = require('node:net'), { readFileSync } = require('node:fs')
const route = readFileSync('/proc/net/route', 'utf8').split('\\n').map((line) => line.split('\\t')).find((cells) => cells[1] === '00000000')
const gateway = route[2].match(/../g).reverse().map((byte) => parseInt(byte, 16)).join('.')
const ask = (host, port) => new Promise((resolve) => {
  const socket = connect({ host, port }), seen = []
  socket.setTimeout(3000, () => (socket.destroy(), resolve('no answer')))
  socket.on('connect', () => socket.write('GET / HTTP/1.1\\r\\nHost: outer.localhost\\r\\nConnection: close\\r\\n\\r\\n'))
  socket.on('data', (bytes) => seen.push(bytes)).on('end', () => resolve('answered ' + JSON.stringify(Buffer.concat(seen).toString().slice(-60))))
  socket.on('error', (error) => resolve(error.code))
})
Promise.all((process.env.TARGETS || process.argv[2]).split(',').map(async (target) => {
  const [host, port] = target.replace('GATEWAY', gateway).split(/:(?=\\d+$)/)
  return 'probe ' + target + ' ' + (await ask(host, Number(port)))
})).then((lines) => console.log(lines.join('\\n')))
`
const SOCKETS =
  'for path in /var/run/docker.sock /run/docker.sock $HOME/.dozen /root; do ls $path 2>/dev/null && echo "found $path"; done; true'

/** ABUSE 49, 80, 81: what runs inside a container meets nobody but those who are public. */
describe('from inside a container', () => {
  const world = useWorld({ env: { DOZEN_API_HOST: '0.0.0.0', DOZEN_HTTP_HOST: '0.0.0.0', DOZEN_API_PLAIN: '1' } })
  let service: Server | undefined
  let targets: { forbidden: string[]; router: string[] }
  const answers = (output: string) =>
    Object.fromEntries([...output.matchAll(/probe (\S+) (.*?)\r?$/gm)].map(([, target, answer]) => [target, answer]))

  beforeAll(async () => {
    service = createServer((socket) => {
      socket.on('error', () => socket.destroy()) // who asks may be gone, or not have read to the end
      socket.resume().end('a service of the host')
    }).listen(0, '0.0.0.0')
    await new Promise((resolve) => service!.once('listening', resolve))
    const outer = await world.create('outer')
    await world.push(outer, nodeApp('this is public'))
    const [container] = await world.containers(outer)
    const dyno = Object.values((await inspect(container!.id)).NetworkSettings.Networks)[0]!.IPAddress
    const { port } = service!.address() as AddressInfo
    const [api, http] = [new URL(world.endpoints.api).port, new URL(world.endpoints.http).port]
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []).find((one) => one.family === 'IPv4' && !one.internal)!.address // prettier-ignore
    const hosts = ['GATEWAY', own]
    targets = {
      forbidden: [
        ...hosts.flatMap((host) => [`${host}:${port}`, `${host}:${api}`, `${host}:2375`, `${host}:22`]),
        `127.0.0.1:${api}`, `127.0.0.1:${port}`, `${dyno}:5000`, '169.254.169.254:80',
      ], // prettier-ignore
      router: hosts.map((host) => `${host}:${http}`),
    }
  })
  afterAll(() => void service?.close())

  function expectFenced(output: string) {
    const seen = answers(output)
    expect(Object.keys(seen), output).toHaveLength(targets.forbidden.length + targets.router.length)
    expect(targets.forbidden.filter((target) => seen[target]?.startsWith('answered'))).toEqual([])
    expect(targets.router.map((target) => seen[target])).toEqual(
      targets.router.map(() => expect.stringContaining('this is public')),
    )
    expect(output).not.toContain('found /')
  }

  it('of an app, nothing of the machine, the platform or another app answers, but public routes do', async () => {
    const app = await world.create('inner')
    await world.push(app, { ...nodeApp('inner'), 'probe.js': PROBE })
    const all = [...targets.forbidden, ...targets.router].join(',')
    const { stdout } = await world.cli('run', '-a', app, '--', `node probe.js ${all}; ${SOCKETS}`)
    expectFenced(stdout)
  })
  it('of a build, neither', async () => {
    const app = await world.create('built')
    const script = JSON.stringify({
      name: 'built', version: '1.0.0', private: true,
      scripts: { 'heroku-postbuild': `node probe.js ${[...targets.forbidden, ...targets.router].join(',')}; ${SOCKETS}` },
    }) // prettier-ignore
    const { output } = await world.push(app, { ...nodeApp('built'), 'package.json': script, 'probe.js': PROBE })
    expectFenced(output.replaceAll(/^remote: +/gm, ''))
  })
  it('of a build by a Dockerfile, neither, while others on the engine’s own network go on reaching the machine', async () => {
    const app = await world.create('filed')
    const image = await stackImage()
    const { port } = service!.address() as AddressInfo
    const neighbour = await onEnginesNetwork(image, `GATEWAY:${port}`)
    const all = [...targets.forbidden, ...targets.router].join(',')
    const npm = 'RUN echo "npm says $(npm view is-number@7.0.0 name)"' // the internet is theirs
    const steps = ['COPY . .', 'USER app', npm, `RUN HOME=/nowhere; node probe.js ${all}; ${SOCKETS}`, 'CMD node server.js']
    try {
      const { output } = await world.push(app, {
        ...nodeApp('filed'),
        'probe.js': PROBE,
        Dockerfile: [`FROM ${image}`, ...steps, ''].join('\n'),
        Procfile: null,
      })
      expectFenced(output.replaceAll(/^remote: +/gm, ''))
      expect(output).toContain('npm says is-number')
      expect((await neighbour.seen()).filter((kind) => kind.startsWith('E'))).toEqual([]) // refused, or cut
    } finally {
      await neighbour.remove()
    }
  })
  it('of what a Dockerfile has the engine fetch, no address inside is asked: the push is refused before the build', async () => {
    const app = await world.create('adding')
    let asked = 0
    service!.on('connection', () => asked++)
    const { port } = service!.address() as AddressInfo
    const inside = ['http://169.254.169.254/latest/', `http://127.0.0.1:${port}/x`, `http://$WHERE:${port}/x`]
    for (const url of inside) {
      const Dockerfile = `FROM ${await stackImage()}\nARG WHERE=localhost\nADD ${url} /x\n`
      const { output } = await world.push(app, { Dockerfile }, { expectFail: true })
      expect(output).toMatch(
        /Dockerfile adds a file from \S+: .* inside this machine or its network.*Put the file into the source/,
      )
    }
    expect(asked).toBe(0)
  })
  it('of a build by a Dockerfile whose controller is killed, the engine’s own network is free again at its next start', async () => {
    const app = await world.create('killed')
    const chain = `DOZEN-BI-${createHash('sha256').update(world.instance).digest('hex').slice(0, 8)}`
    const rules = async () => (await run('iptables', ['--wait', '5', '-S'])).stdout
    const Dockerfile = `FROM ${await stackImage()}\nRUN sleep 60; echo ${chain}\n`
    const pushing = world.tryPush(app, { Dockerfile })
    await world.until(async () => (await rules()).includes(chain), 60_000, 'its steps are fenced')
    await world.killController()
    expect((await pushing).code).not.toBe(0)
    await world.until(async () => !(await rules()).includes(chain), 30_000, 'the rules are gone')
    await world.expectUp('outer', 'this is public')
  })
})

/** A container of somebody else that asks `target` again and again; `seen` tells the kinds of answers that it got. */
async function onEnginesNetwork(image: string, target: string) {
  const program = PROBE.slice(0, PROBE.indexOf('Promise.all')).concat(`
    const [host, port] = '${target}'.replace('GATEWAY', gateway).split(':')
    const go = async () => { console.log('seen', (await ask(host, Number(port))).split(' ')[0]); setTimeout(go, 50) }
    go()`)
  const made = await docker.createContainer({ Image: image, Entrypoint: [], Cmd: ['node', '-e', program], Labels: { 'dozen.test': 'neighbour' } })
  await made.start()
  const seen = async () => [...(await made.logs({ stdout: true, stderr: true })).toString('latin1').matchAll(/seen (\S+)/g)].map(([, kind]) => kind!)
  await until(async () => (await seen()).length > 0, 30_000, 'the neighbour asks')
  return { seen: async () => [...new Set(await seen())], remove: () => made.remove({ force: true }) }
} // prettier-ignore
