import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** The kernel's packet filter, as far as the fence needs it. Both reject when it may not be used here. */
export type PacketFilter = {
  /** The filter table in the form of `iptables -S`, one rule a line. */
  list(): Promise<string[]>
  /** Applies lines of `iptables-restore`, all or none. */
  restore(lines: string): Promise<void>
}

const WAIT = ['--wait', '5'] // seconds; another program may hold the table

export function iptables(path: string | undefined): PacketFilter {
  const env = { PATH: `${path ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` }
  async function run(program: string, args: string[], input = ''): Promise<string> {
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
    child.stdin.on('error', () => {}).end(input)
    const [status, out, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    if (status !== 0) throw new Error(`${program} ended with status ${status}: ${errors.trim()}`)
    return out
  }
  return {
    list: async () => (await run('iptables', [...WAIT, '-S'])).split('\n').filter(Boolean),
    restore: async (lines) => void (await run('iptables-restore', [...WAIT, '--noflush'], lines)),
  }
}
