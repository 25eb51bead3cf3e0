import { beforeEach, describe, expect, it, vi } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { fakeEngine } from '../../test/support/fake-engine.ts'
import { fence } from './fence.ts'
import type { PacketFilter } from './iptables.ts'

/** The filter table of the kernel, as iptables shows and changes it. */
function fakeTable() {
  const chains = new Map<string, string[]>([['INPUT', []], ['FORWARD', []], ['DOCKER-USER', ['-j RETURN']]]) // prettier-ignore
  let restored = 0
  const commands: Record<string, (chain: string, rule: string) => void> = {
    '-A': (chain, rule) => void chains.get(chain)!.push(rule),
    '-I': (chain, rule) => void chains.get(chain)!.unshift(rule),
    '-D': (chain, rule) => void chains.get(chain)!.splice(chains.get(chain)!.indexOf(rule), 1),
    '-F': (chain) => void chains.set(chain, []),
    '-X': (chain) => void chains.delete(chain),
  }
  const filter: PacketFilter = {
    list: async () => [
      ...[...chains.keys()].map((name) => (name === 'DOCKER-USER' || name.startsWith('DOZEN') ? `-N ${name}` : `-P ${name} ACCEPT`)),
      ...[...chains].flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`.replace(/(?<!tcp) -j REJECT$/, ' -j REJECT --reject-with icmp-port-unreachable'))),
    ],
    async restore(lines) {
      restored++
      for (const line of lines.split('\n')) {
        if (line.startsWith(':')) chains.set(line.slice(1).split(' ')[0]!, [])
        const [, command, chain, rule = ''] = /^(-[AIDFX]) (\S+) ?(.*)$/.exec(line) ?? []
        if (command && chain) commands[command]!(chain, rule)
      }
    },
  } // prettier-ignore
  return { filter, chains, restored: () => restored }
}

describe('the fence (ABUSE 49, 81)', () => {
  const labels = { 'dozen.instance': 'i', 'dozen.role': 'network' }
  let table: ReturnType<typeof fakeTable>
  let engine: ReturnType<typeof fakeEngine>
  let living: Set<string>
  let clock: ReturnType<typeof fakeClock>
  let problems: unknown[]
  beforeEach(() => {
    table = fakeTable()
    engine = fakeEngine()
    clock = fakeClock()
    living = new Set(['br-apps', 'br-build'])
    problems = []
  })
  const make = (instance = 'i', filter = table.filter) =>
    fence({
      engine,
      filter,
      clock,
      instance,
      ports: () => [8080],
      resolvConf: () => 'nameserver 127.0.0.53\nnameserver 169.254.169.254\n',
      isThere: (bridge) => living.has(bridge),
      onError: (cause) => problems.push(cause),
    })
  const rulesOf = (prefix: string) => [...table.chains].find(([name]) => name.startsWith(prefix))?.[1] ?? []
  const jumps = (chain: string) => table.chains.get(chain)!.map((rule) => rule.replace(/-[0-9a-f]{8}$/, ''))

  it('lets what comes out of our bridges to the router and nothing else of the machine', async () => {
    await engine.ensureNetwork({ name: 'apps', labels, isolated: true })
    await make().mend()
    expect(problems).toEqual([])
    expect(jumps('INPUT')).toEqual(['-i br-apps -j DOZEN-IN'])
    expect(rulesOf('DOZEN-IN')).toEqual([
      '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
      '-p tcp -m tcp --dport 8080 -j RETURN',
      '-d 169.254.169.254/32 -p udp -m udp --dport 53 -j RETURN',
      '-d 169.254.169.254/32 -p tcp -m tcp --dport 53 -j RETURN',
      '-p tcp -j REJECT --reject-with tcp-reset',
      '-j REJECT',
    ])
  })
  it('keeps them from the metadata address, whose names they may still ask for', async () => {
    await engine.ensureNetwork({ name: 'apps', labels, isolated: true })
    await make().mend()
    expect(jumps('DOCKER-USER')).toEqual(['-i br-apps -j DOZEN-FW', '-j RETURN'])
    const rules = rulesOf('DOZEN-FW')
    expect(rules.slice(0, 2)).toEqual(['-o br-apps -p tcp -j REJECT --reject-with tcp-reset', '-o br-apps -j REJECT'])
    expect(rules.findIndex((rule) => rule.includes('--dport 53'))).toBeLessThan(
      rules.indexOf('-d 169.254.0.0/16 -p tcp -j REJECT --reject-with tcp-reset'),
    )
  })
  it('changes nothing when all is as it should be, and follows networks that come and go', async () => {
    await engine.ensureNetwork({ name: 'apps', labels, isolated: true })
    const one = make()
    await one.mend()
    await one.mend()
    expect(table.restored()).toBe(1)
    await engine.ensureNetwork({ name: 'build', labels, isolated: true })
    await engine.removeNetwork('apps')
    await one.mend()
    expect(jumps('INPUT')).toEqual(['-i br-build -j DOZEN-IN'])
  })
  it('covers a network that is new before anything starts in it, and looks no further when none is', async () => {
    const one = make()
    await one.cover()
    await engine.ensureNetwork({ name: 'apps', labels, isolated: true })
    await one.cover()
    expect(jumps('INPUT')).toEqual(['-i br-apps -j DOZEN-IN'])
    table.chains.set('INPUT', [])
    await one.cover()
    expect(jumps('INPUT')).toEqual([])
  })
  it('comes back after somebody has emptied the table', async () => {
    await engine.ensureNetwork({ name: 'apps', labels, isolated: true })
    const one = make()
    await one.mend()
    for (const name of ['INPUT', 'DOCKER-USER']) table.chains.set(name, [])
    await one.mend()
    expect(jumps('INPUT')).toEqual(['-i br-apps -j DOZEN-IN'])
  })
  it('leaves the rules of another dozen alone while its bridges are there, and clears them away when they are gone', async () => {
    await engine.ensureNetwork({ name: 'apps', labels, isolated: true })
    await engine.ensureNetwork({ name: 'other', labels: { ...labels, 'dozen.instance': 'j' }, isolated: true })
    living.add('br-other')
    await make('j').mend()
    await make().mend()
    expect(jumps('INPUT')).toEqual(['-i br-apps -j DOZEN-IN', '-i br-other -j DOZEN-IN'])
    living.delete('br-other')
    await make().mend()
    expect(jumps('INPUT')).toEqual(['-i br-apps -j DOZEN-IN'])
    expect([...table.chains.keys()].filter((name) => name.startsWith('DOZEN'))).toHaveLength(2)
  })
  describe('while a Dockerfile builds, whose steps are on the engine’s own bridge', () => {
    const theirs = { name: 'theirs', image: 'img', env: {}, labels: {}, network: 'bridge' }
    let end = () => {}
    async function begin(instance = 'i') {
      await engine.ensureNetwork({ name: 'bridge', labels: {}, isolated: false })
      await engine.ensureNetwork({ name: `build-${instance}`, labels: { ...labels, 'dozen.instance': instance }, isolated: true })
      living.add(`br-build-${instance}`)
      const one = make(instance)
      await one.mend()
      const began = new Promise<{ built: Promise<void> }>((resolve) => {
        const built: Promise<void> = one.aroundBuild(() => {
          resolve({ built })
          return new Promise((done) => (end = done))
        })
      })
      return { one, ...(await began) }
    }
    const without = (chain: string) => jumps(chain).filter((rule) => rule.includes('br-bridge'))

    it('holds that bridge to the same rules, and its members from each other, until it is over', async () => {
      const { built } = await begin()
      expect([without('INPUT'), without('DOCKER-USER')]).toEqual([['-i br-bridge -j DOZEN-BI'], ['-i br-bridge -j DOZEN-BF']])
      expect(rulesOf('DOZEN-BI')).toEqual(rulesOf('DOZEN-IN'))
      expect(rulesOf('DOZEN-BF').filter((rule) => rule.startsWith('-o') && rule.endsWith('REJECT'))).toEqual([
        '-o br-build-i -j REJECT',
        '-o br-bridge -j REJECT',
      ])
      end()
      await built
      expect([...without('INPUT'), ...without('DOCKER-USER'), rulesOf('DOZEN-BI')]).toEqual([[]])
      expect([...table.chains.keys()].filter((name) => /DOZEN-B/.test(name))).toEqual([])
    })
    it('spares the containers there, which are others’, also those that come later', async () => {
      await engine.start(await engine.create(theirs))
      const { built } = await begin()
      expect(rulesOf('DOZEN-BI')[0]).toBe('-s 10.99.0.2/32 -j RETURN')
      expect(rulesOf('DOZEN-BF')[0]).toBe('-s 10.99.0.2/32 -j RETURN')
      await engine.start(await engine.create({ ...theirs, name: 'later' }))
      await clock.advance(500)
      await vi.waitFor(() => expect(rulesOf('DOZEN-BI')[1]).toBe('-s 10.99.0.3/32 -j RETURN'))
      end()
      await built
    })
    it('goes away at the next start of a dozen that was killed in the middle', async () => {
      await begin()
      expect(without('INPUT')).toHaveLength(1)
      await make().cover()
      expect([...without('INPUT'), ...without('DOCKER-USER')]).toEqual([])
      expect([...table.chains.keys()].filter((name) => /DOZEN-B/.test(name))).toEqual([])
    })
    it('goes away with a dozen that was killed in the middle, once its networks have gone', async () => {
      await begin('j')
      await make().mend()
      expect(without('INPUT')).toEqual(['-i br-bridge -j DOZEN-BI'])
      living.delete('br-build-j')
      await make().mend()
      expect(without('INPUT')).toEqual([])
      await make('j').mend()
    })
  })
  it('says so where the packet filter may not be used, and the API still refuses containers by their address', async () => {
    await engine.ensureNetwork({ name: 'apps', labels, isolated: true })
    const denied = async () => Promise.reject(new Error('Permission denied'))
    const one = make('i', { list: denied, restore: denied })
    await one.mend()
    expect([problems.length, one.isUp()]).toEqual([1, false])
    expect([one.refuses('::ffff:10.99.0.7', 5170), one.refuses('10.99.0.7', 8080), one.refuses('127.0.0.1', 5170)]).toEqual([
      true,
      false,
      false,
    ])
  })
})
