import { readFileSync } from 'node:fs'

const isPort = (name: string) => /^DOZEN_\w+_PORT$/.test(name)

/**
 * Whether process `pid` lives and runs `program` with the settings of `env`: with every variable that begins with DOZEN_, but a port that is 0
 * there may have been chosen. Needs /proc: false where there is none.
 */
export function isRunning(pid: number, program: string, env: NodeJS.ProcessEnv): boolean {
  try {
    const [argv, theirs] = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8').split('\0'))
    return argv!.includes(program) && settings(environmentOf(theirs!), env) === settings(env, env)
  } catch {
    return false
  }
}

/** Of a process that is no child: a zombie that nobody waits for is dead. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const environmentOf = (lines: string[]) =>
  Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))

const settings = (of: NodeJS.ProcessEnv, wanted: NodeJS.ProcessEnv) =>
  Object.entries(of)
    .filter(([name]) => name.startsWith('DOZEN_') && !(isPort(name) && wanted[name] === '0'))
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('\0')
