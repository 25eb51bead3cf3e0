import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** An instance label that nobody else has: "test-3fa9c1-5d0e…". The middle part names the run of `npm test`, which removes what carries it. */
export const newInstance = () => `test-${process.env.DOZEN_TEST_RUN ?? 'alone'}-${randomBytes(5).toString('hex')}`

/** The checkout, without a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

export type Finished = { code: number; stdout: string; stderr: string }
export type RunOptions = { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; timeoutMs?: number }

/** Runs a program to its end; no shell. A signal's death is code 128 + n; past `timeoutMs` (default 170 s) it is killed and rejects. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { cwd, env = process.env, input, timeoutMs = 170_000 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...(cwd ? { cwd } : {}), env, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${program} ${args.join(' ')} had not ended after ${timeoutMs} ms.\n${stdout}${stderr}`))
    }, timeoutMs)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15), stdout, stderr })
    })
  })
}

/** What a fact was when it was last looked at, for the message of a missed deadline. */
const show = (last: unknown) => (last instanceof Error ? last.message : JSON.stringify(last))

/** Asks `fact` until it is truthy and returns that; what it throws counts as "not yet". Rejects after `deadlineMs` with the last answer. */
export async function until<T>(fact: () => T | Promise<T>, deadlineMs = 30_000, what = String(fact)): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs
  let last: unknown
  for (;;) {
    try {
      const value = await fact()
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`Not so within ${deadlineMs} ms: ${what}\nLast: ${show(last)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const readOr = (path: string, otherwise: string) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}

export type ProcessFound = { pid: number; argv: string[] }

/** Processes of a home: those started with `DOZEN_HOME=<home>`, or that name it on their command line. Needs /proc. */
export function processesOf(home: string): ProcessFound[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), argv: readOr(`/proc/${name}/cmdline`, '').split('\0').slice(0, -1) }))
    .filter(({ pid, argv }) => {
      if (argv.length === 0) return false
      return (
        argv.some((arg) => arg.includes(home)) || readOr(`/proc/${pid}/environ`, '').split('\0').includes(`DOZEN_HOME=${home}`)
      )
    })
}

/** True while the process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  const stat = readOr(`/proc/${pid}/stat`, '')
  return stat !== '' && !/\) [ZX] /.test(stat)
}
