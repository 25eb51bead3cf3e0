/** What apps and builds may reach of the machine they run on. */
export type Fence = {
  /** Of the instance: sets its chains apart from those of another dozen. */
  id: string
  /** Network interfaces of the instance's bridges. */
  bridges: readonly string[]
  /** TCP ports of this machine that stay open: the router's, and what the settings add. */
  ports: readonly number[]
  /** Addresses that names are asked of; they may be this machine's, or even the metadata address (Google's cloud). */
  nameservers: readonly string[]
  /**
   * While a Dockerfile builds: BuildKit runs its steps on the engine's own bridge. `spared` are addresses of containers on it, which are other
   * programs' and stay free.
   */
  buildKit?: { bridge: string; spared: readonly string[] }
}

/** Link-local, where clouds keep the machine's credentials; then the addresses that Alibaba's and Oracle's use instead. */
const METADATA = ['169.254.0.0/16', '100.100.100.200/32', '192.0.0.192/32']
const OURS = /^-A (\S+) -i (\S+) -j (DOZEN-(IN|FW|BI|BF)-([0-9a-f]{8}))$/

/** Of our networks, and of the steps of Dockerfiles. */
const chainsOf = (id: string) => ({
  input: `DOZEN-IN-${id}`,
  forward: `DOZEN-FW-${id}`,
  stepInput: `DOZEN-BI-${id}`,
  stepForward: `DOZEN-BF-${id}`,
})
const refuse = (rule: string) => [`${rule} -p tcp -j REJECT --reject-with tcp-reset`, `${rule} -j REJECT`]

/**
 * The input of `iptables-restore --noflush` that makes the table what `fence` says; "" when it is so already. `listed` is what `iptables -S` printed,
 * `isThere` whether a network interface exists: chains of a dozen whose bridges are all gone go with them.
 */
export function changes(fence: Fence, listed: readonly string[], isThere: (bridge: string) => boolean): string {
  const { input, forward, stepInput, stepForward } = chainsOf(fence.id)
  const hook = listed.includes('-N DOCKER-USER') ? 'DOCKER-USER' : 'FORWARD'
  const steps = fence.buildKit ? stepRules(fence, fence.buildKit) : []
  const body = [...inputRules(fence, input), ...forwardRules(fence, forward), ...steps]
  const chains = [input, forward, ...(fence.buildKit ? [stepInput, stepForward] : [])]
  const jumps = fence.bridges.flatMap((bridge) => [`INPUT -i ${bridge} -j ${input}`, `${hook} -i ${bridge} -j ${forward}`])
  if (fence.buildKit) jumps.push(...[`INPUT -i ${fence.buildKit.bridge} -j ${stepInput}`, `${hook} -i ${fence.buildKit.bridge} -j ${stepForward}`]) // prettier-ignore
  const present = listed.flatMap((line) => (OURS.test(line) ? [line.slice('-A '.length)] : []))
  const missing = jumps.filter((jump) => !present.includes(jump))
  const stale = present.filter((jump) => (jump.endsWith(fence.id) ? !jumps.includes(jump) : !isAlive(jump, present, isThere)))
  const orphans = orphaned(chains, listed, stale)
  const isBuilt = sameRules(body, listed, chains)
  if (isBuilt && missing.length + stale.length + orphans.length === 0) return ''
  return [
    '*filter',
    ...chains.map((chain) => `:${chain} - [0:0]`), // made, or emptied
    ...body.map((rule) => `-A ${rule}`),
    ...missing.map((jump) => `-I ${jump}`),
    ...stale.map((jump) => `-D ${jump}`),
    ...orphans.flatMap((chain) => [`-F ${chain}`, `-X ${chain}`]),
    'COMMIT',
    '',
  ].join('\n')
}

/** Whether a jump of another instance still has a purpose. The engine's own bridge is always there: what counts is whether the instance has another. */
function isAlive(jump: string, present: readonly string[], isThere: (bridge: string) => boolean): boolean {
  const [, , bridge = '', , kind, id] = OURS.exec(`-A ${jump}`)!
  if (kind === 'IN' || kind === 'FW') return isThere(bridge)
  return present.some((other) => other.endsWith(`DOZEN-IN-${id}`) && isAlive(other, present, isThere))
}

function inputRules({ ports, nameservers }: Fence, chain: string): string[] {
  const open = [...new Set(ports)].toSorted((a, b) => a - b)
  return [
    `${chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`, // answers to the router, which comes to them
    ...open.map((port) => `${chain} -p tcp -m tcp --dport ${port} -j RETURN`),
    ...questions(chain, nameservers),
    ...refuse(chain),
  ]
}

/** Between our networks, and between the members of one, the engine's own rules stand too; another engine on the machine may have emptied those. */
const forwardRules = ({ bridges, nameservers }: Fence, chain: string) => [
  ...bridges.flatMap((bridge) => refuse(`${chain} -o ${bridge}`)),
  ...questions(chain, nameservers),
  ...METADATA.flatMap((address) => refuse(`${chain} -d ${address}`)),
]

/** The same for what comes out of the engine's own bridge; there, its members reach each other unless they are kept apart. */
function stepRules(fence: Fence, { bridge, spared }: NonNullable<Fence['buildKit']>): string[] {
  const { stepInput, stepForward } = chainsOf(fence.id)
  const free = (chain: string) => spared.toSorted().map((address) => `${chain} -s ${address}/32 -j RETURN`)
  const bridges = [...fence.bridges, bridge]
  return [
    ...free(stepInput),
    ...inputRules(fence, stepInput),
    ...free(stepForward),
    ...forwardRules({ ...fence, bridges }, stepForward),
  ]
}

const questions = (chain: string, nameservers: readonly string[]) =>
  nameservers.flatMap((address) =>
    ['udp', 'tcp'].map((protocol) => `${chain} -d ${address}/32 -p ${protocol} -m ${protocol} --dport 53 -j RETURN`),
  )

/** Chain by chain, as `iptables -S` has an order of its own, and adds the default reject type. */
function sameRules(body: readonly string[], listed: readonly string[], chains: readonly string[]): boolean {
  const there = listed.filter((line) => line.startsWith('-A ')).map((line) => line.slice('-A '.length))
  const plain = (rules: readonly string[], chain: string) =>
    rules
      .filter((rule) => rule.startsWith(`${chain} `))
      .map((rule) => rule.replace(' --reject-with icmp-port-unreachable', ''))
      .join('\n')
  return chains.every((chain) => plain(there, chain) === plain(body, chain))
}

/** Chains to which no jump is left, and which are not to be. */
function orphaned(wanted: readonly string[], listed: readonly string[], stale: readonly string[]): string[] {
  const chains = listed.flatMap((line) => /^-N (DOZEN-(?:IN|FW|BI|BF)-[0-9a-f]{8})$/.exec(line)?.[1] ?? [])
  const isUsed = (chain: string) =>
    listed.some((line) => line.endsWith(` -j ${chain}`) && !stale.includes(line.slice('-A '.length)))
  return chains.filter((chain) => !wanted.includes(chain) && !isUsed(chain))
}
