import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import Docker from 'dockerode'
import { isAlive, run, until } from '../support/programs.ts'

/** Addresses that nobody else on the machine uses. */
const POOL = '10.231.0.0/17'
const BRIDGE = '10.231.128.1/24'
const OUTSIDE = '10.231.255.1'
const INSIDE = '10.231.255.2'

const SHARED = process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock'

/** A Docker daemon of the test's own, with its own data and a network namespace of its own, so that the shared one never notices: it may be killed, and the machine "rebooted". */
export class OwnEngine {
  readonly base = mkdtempSync('/tmp/dze-') // short: containerd's sockets below it have 100 characters
  readonly socket = join(this.base, 'docker.sock')
  /** Of 10 characters: an interface's name has 15 at most. */
  private readonly namespace = basename(this.base)
  private daemon: ChildProcess | undefined
  private said = ''

  constructor(private readonly options: readonly string[] = []) {}

  get pid(): number {
    return this.daemon?.pid ?? 0
  }

  async start(): Promise<void> {
    const flags = [
      '--data-root',
      join(this.base, 'data'),
      '--exec-root',
      join(this.base, 'exec'),
      '--pidfile',
      join(this.base, 'pid'),
    ]
    const network = ['--bip', BRIDGE, '--iptables=false', '--ip6tables=false', '--ip-masq=false', '--userland-proxy=false', '--default-address-pool', `base=${POOL},size=24`] // prettier-ignore
    // Of the dead one, and of its containerd, which it would take for alive as long as nobody has waited for the zombie.
    for (const file of ['pid', 'exec/containerd/containerd.pid']) rmSync(join(this.base, file), { force: true })
    await this.connect()
    const all = ['--host', `unix://${this.socket}`, ...flags, ...network, '--log-level', 'error', ...this.options]
    const child = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, 'dockerd', ...all], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.said = (this.said + text).slice(-4000)))
    this.daemon = child
    const answers = async () => child.exitCode === null && (await this.client().ping()) !== undefined
    await until(answers, 60_000, 'the engine answers').catch((cause: Error) => {
      throw new Error(`${cause.message}\n${this.said}`)
    })
  }

  /** A namespace whose containers this machine reaches by a pair of interfaces. */
  private async connect() {
    const name = this.namespace
    if (existsSync(`/run/netns/${name}`)) return
    await must('ip', 'netns', 'add', name)
    await must('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await must('ip', 'address', 'add', `${OUTSIDE}/30`, 'dev', name)
    await must('ip', 'link', 'set', name, 'up')
    await must('ip', '-n', name, 'address', 'add', `${INSIDE}/30`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) await must('ip', '-n', name, 'link', 'set', device, 'up')
    await must('ip', '-n', name, 'route', 'add', 'default', 'via', OUTSIDE)
    await must('ip', 'route', 'replace', POOL, 'via', INSIDE)
    // An address that no container has is found out soon.
    const settings = ['net.ipv4.ip_forward=1']
    for (const setting of settings) await must('nsenter', `--net=/run/netns/${name}`, 'sysctl', '-qw', setting)
  }

  /** With the bridges of the engine in it. */
  private async disconnect() {
    if (existsSync(`/run/netns/${this.namespace}`)) await run('ip', ['netns', 'delete', this.namespace])
    await run('ip', ['link', 'delete', this.namespace])
  }

  client = () => new Docker({ socketPath: this.socket })

  /** An image `tiny` with this machine's node, sh and what they need: the stack would take minutes to copy. */
  async makeTiny(): Promise<void> {
    const programs = [realpathSync(process.execPath), '/bin/sh', '/bin/sleep', '/bin/true', '/bin/false', '/bin/mkdir']
    const { stdout } = await run('ldd', programs)
    const libraries = [...new Set(stdout.match(/\/\S+\.so\S*/g) ?? [])]
    const tar = spawn('tar', ['-C', '/', '-chP', ...programs, ...libraries], { stdio: ['ignore', 'pipe', 'inherit'] })
    const taken = spawn('docker', ['--host', `unix://${this.socket}`, 'import', '-', 'tiny:latest'], { stdio: ['pipe', 'ignore', 'inherit'] }) // prettier-ignore
    tar.stdout.pipe(taken.stdin)
    const code = await new Promise<number | null>((resolve) => taken.once('exit', resolve))
    if (code !== 0) throw new Error(`The image could not be made: status ${code}.`)
    // Every build asks for the stack, those of Dockerfiles too: by its names this image is found, and never used.
    const stack = await new Docker({ socketPath: SHARED }).listImages({ filters: { reference: ['dozen/stack'] } })
    for (const name of stack.flatMap(({ RepoTags }) => RepoTags ?? []))
      await this.client()
        .getImage('tiny:latest')
        .tag({ repo: name.split(':')[0]!, tag: name.split(':')[1]! })
  }

  /** With SIGTERM it stops its containers, unless it may leave them alive. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this
    if (pid) kill(pid, signal)
    const isContainerd = (one: number) => /^[^\0]*containerd\0/.test(commandOf(one)) && commandOf(one).includes(this.base)
    await until(() => (!pid || !isAlive(pid)) && !pids().some(isContainerd), 60_000, 'the engine has ended')
  }

  /** As when the power goes: every process of it and of its containers dies at once, and what it kept in memory is gone. */
  async powerOff(): Promise<void> {
    const dying = this.processes()
    for (const pid of dying) kill(pid, 'SIGKILL')
    await until(() => this.processes().length === 0 && !isAlive(this.pid), 20_000, 'nothing of the engine runs')
    await this.unmount()
    await this.disconnect()
    rmSync(join(this.base, 'exec'), { recursive: true, force: true })
  }

  /** Leaves nothing. */
  async remove(): Promise<void> {
    await this.powerOff()
    rmSync(this.base, { recursive: true, force: true })
  }

  /** The daemon, its containerd, the shims, and what runs under these. */
  private processes(): number[] {
    const parents = new Map(pids().map((pid) => [pid, parentOf(pid)]))
    const mine = new Set([...parents.keys()].filter((pid) => commandOf(pid).includes(this.base)))
    const isBelow = (pid: number): boolean => mine.has(pid) || (pid > 1 && isBelow(parents.get(pid) ?? 0))
    return [...parents.keys()].filter((pid) => pid !== process.pid && isBelow(pid))
  }

  private async unmount() {
    const places = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(this.base)) // prettier-ignore
    for (const place of places.reverse()) await run('umount', ['-l', place])
  }
}

async function must(program: string, ...args: string[]) {
  const { code, stderr } = await run(program, args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with status ${code}: ${stderr}`)
}

/** One that has ended meanwhile is as wanted. */
function kill(pid: number, signal: NodeJS.Signals) {
  if (isAlive(pid))
    try {
      process.kill(pid, signal)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
    }
}

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number) // prettier-ignore

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return 0
  }
}
