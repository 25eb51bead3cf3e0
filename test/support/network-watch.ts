import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const STRACE = ['strace', '--seccomp-bpf', '-f', '-qq', '-e', 'trace=connect,sendto', '-e', 'signal=none']
const ADDRESS =
  /\b(connect|sendto)\(.*?sa_family=AF_INET6?, sin6?_port=htons\((\d+)\),.*?(?:inet_addr|inet_pton\(AF_INET6,)\(? ?"([^"]+)"/
const isLoopback = (address: string) => /^(127\.|::1$|::ffff:127\.)/.test(address)

/** Sees which addresses programs connect to, their children's included, by strace: nothing that they load can hide one. */
export class NetworkWatch {
  readonly isAble = spawnSync(STRACE[0]!, [...STRACE.slice(1), '-o', '/dev/null', 'true']).status === 0
  private runs = 0

  constructor(private readonly folder: string) {}

  /** The command line that runs `argv` under watch; as it is where strace may not trace. */
  watched(argv: readonly string[]): [program: string, ...args: string[]] {
    const all = this.isAble ? [...STRACE, '-o', join(this.folder, `${++this.runs}.net`), ...argv] : argv
    return all as [string, ...string[]]
  }

  /** "127.0.0.1:5170", once per connection that was tried. */
  connections(): string[] {
    const files = existsSync(this.folder) ? readdirSync(this.folder).filter((name) => name.endsWith('.net')) : []
    return files.flatMap((name) =>
      readFileSync(join(this.folder, name), 'utf8')
        .split('\n')
        .flatMap((line) => {
          const [, , port, address] = ADDRESS.exec(line) ?? []
          return address ? [`${address}:${port}`] : []
        }),
    )
  }

  foreign = (): string[] => this.connections().filter((one) => !isLoopback(one.replace(/:\d+$/, '')))
}
