import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiCertificate } from '../../server/api/ca.ts'
import { until } from './programs.ts'

export type Way = 'tcp' | 'tls' | 'udp'
/** A message as rsyslog understood it. */
export type Received = { app: string; process: string; host: string; severity: string; text: string }
const WAYS: readonly Way[] = ['tcp', 'tls', 'udp']
const INPUTS = { tcp: 'imptcp', tls: 'imtcp', udp: 'imudp' } as const
const PORTS = { tcp: 5514, tls: 6514, udp: 5514 } as const
const SCHEMES = { tcp: 'syslog', tls: 'syslog+tls', udp: 'syslog+udp' } as const
const PLACES = ['/usr/sbin/rsyslogd', '/sbin/rsyslogd', '/usr/local/sbin/rsyslogd']

/** rsyslogd as Debian has it, on a loopback address that nobody else has, apart from the machine's own: everything it has is in a folder of its own. */
export class Rsyslog {
  readonly folder = mkdtempSync(join(tmpdir(), 'dozen-rsyslog-'))
  readonly ca = join(this.folder, 'ca.pem')
  readonly address = `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`
  private child: ChildProcess | undefined
  private readonly lastResort = () => this.child?.kill('SIGKILL')

  async start(): Promise<void> {
    const { cert, key } = await apiCertificate(this.folder, [this.address], new Date())
    writeFileSync(join(this.folder, 'server.pem'), cert)
    writeFileSync(join(this.folder, 'server.key'), key)
    writeFileSync(join(this.folder, 'rsyslog.conf'), this.config())
    const program = PLACES.find(existsSync)
    if (!program) throw new Error('There is no rsyslogd: `apt-get install rsyslog rsyslog-gnutls` has it.')
    process.once('exit', this.lastResort)
    this.child = spawn(program, ['-n', '-f', this.file('rsyslog.conf'), '-i', this.file('pid')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text))
    await until(() => this.isListening(), 20_000, 'rsyslogd listens').catch((cause: unknown) => {
      throw new Error(`rsyslogd does not listen: ${said}`, { cause })
    })
  }

  /** Where a drain leads that way. */
  url = (way: Way): string => `${SCHEMES[way]}://${this.address}:${PORTS[way]}`

  received(way: Way): Received[] {
    if (!existsSync(this.file(way))) return []
    const lines = readFileSync(this.file(way), 'utf8').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Received)
  }

  async stop(): Promise<void> {
    process.removeListener('exit', this.lastResort)
    if (this.child?.exitCode === null) {
      const ended = once(this.child, 'exit')
      this.child.kill('SIGKILL')
      await ended
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  private isListening(): boolean {
    const bytes = this.address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
    const isOpen = (way: Way) =>
      readFileSync(`/proc/net/${way === 'udp' ? 'udp' : 'tcp'}`, 'utf8').includes(`${bytes.toReversed().join('').toUpperCase()}:${PORTS[way].toString(16).toUpperCase()} `) // prettier-ignore
    return WAYS.every(isOpen)
  }

  private readonly file = (name: string) => join(this.folder, name)

  private config(): string {
    const property = (key: string, name: string) =>
      `constant(value="\\"${key}\\":\\"") property(name="${name}" format="json") constant(value="\\"")`
    const fields = [['app', 'app-name'], ['process', 'procid'], ['host', 'hostname'], ['severity', 'syslogpriority-text'], ['text', 'msg']] // prettier-ignore
    const inputs = WAYS.flatMap((way) => [
      `ruleset(name="${way}") { action(type="omfile" file="${this.file(way)}" template="fields") }`,
      `input(type="${INPUTS[way]}" address="${this.address}" port="${PORTS[way]}" ruleset="${way}"${way === 'udp' ? ' rcvbufSize="4m"' : ''})`,
    ])
    return `
global(workDirectory="${this.folder}" defaultNetstreamDriverCAFile="${this.ca}" defaultNetstreamDriverCertFile="${this.file('server.pem')}"
       defaultNetstreamDriverKeyFile="${this.file('server.key')}" parser.escapeControlCharactersOnReceive="off" maxMessageSize="64k")
module(load="imptcp")
module(load="imudp")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="fields" type="list") {
  constant(value="{") ${fields.map(([key, name]) => property(key!, name!)).join(' constant(value=",") ')} constant(value="}\\n")
}
${inputs.join('\n')}
`
  }
}
