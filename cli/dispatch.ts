import type { CommanderError } from 'commander'
import { insteadOf } from './absent.ts'
import { apiClient } from './client.ts'
import type { Context, Streams } from './context.ts'
import { CliError, ExitStatus, UsageError } from './errors.ts'
import { findApp } from './git.ts'
import { ENTRIES } from './entries.ts'
import type { Entry } from './entry.ts'
import { find, suggest } from './registry.ts'
import { type Env, settingsFrom } from './settings.ts'
import { safe, terminalOf } from './terminal.ts'
import { prepare } from './prepare.ts'

export type World = { env: Env; cwd: string; program: string; streams: Streams; now?: () => Date }

const OPTIONS_AS_COMMANDS: Record<string, string> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-v': 'version',
  '-V': 'version',
}

/** Runs one command line to its end and resolves with the exit status: 0, 1 (it failed), 2 (it was written wrongly), or a dyno's own. */
export async function dispatch(argv: readonly string[], world: World): Promise<number> {
  const context = contextOf(world)
  try {
    const [name = 'help', ...rest] = argv
    await invoke(context, OPTIONS_AS_COMMANDS[name] ?? name, rest)
    return 0
  } catch (error) {
    return tell(context, error, argv[0] ?? 'help')
  }
}

async function invoke(context: Context, name: string, args: readonly string[]): Promise<void> {
  const { entry, rest } = resolve(name, args)
  const made = await prepare(entry, context)
  await made.parseAsync(rest, { from: 'user' })
}

/** "config set A=1" is "config:set A=1", where there is such a command and `config` has no argument of that name. */
function resolve(name: string, args: readonly string[]): { entry: Entry; rest: string[] } {
  const [verb, ...after] = args
  const joined = verb !== undefined && /^[a-z0-9-]+$/.test(verb) && name !== 'run' ? find(ENTRIES, `${name}:${verb}`) : undefined
  if (joined) return { entry: joined, rest: after }
  const entry = find(ENTRIES, name)
  if (entry) return { entry, rest: [...args] }
  const instead = insteadOf(name)
  if (instead) throw new UsageError(`${JSON.stringify(name)} is no dozen command.`, { hint: instead })
  const meant = suggest(ENTRIES, name)
  throw new UsageError(`${JSON.stringify(name)} is no dozen command.`, {
    hint: meant ? `Did you mean \`dozen ${meant}\`? \`dozen help\` lists them all.` : '`dozen help` lists them all.',
  })
}

function contextOf({ env, cwd, program, streams, now = () => new Date() }: World): Context {
  const terminal = terminalOf(env, streams)
  const settings = settingsFrom(env)
  const warned = new Set<string>()
  const err = (line: string) => void streams.stderr.write(`${line}\n`)
  const warn = (message: string) => {
    if (!warned.has(message)) err(`Warning: ${safe(message)}`)
    warned.add(message)
  }
  return {
    commands: ENTRIES,
    api: apiClient(settings, warn),
    settings,
    out: (line) => void streams.stdout.write(`${line}\n`),
    err,
    terminal,
    streams,
    env,
    cwd,
    now,
    program,
    app: (name) => findApp(name, env, cwd),
  }
}

/** Prints what went wrong; returns the exit status. */
function tell({ err, env }: Context, error: unknown, name: string): number {
  if (error instanceof ExitStatus) return error.code
  if (error instanceof CliError) {
    for (const [i, line] of error.message.split('\n').entries()) err(i === 0 ? `Error: ${safe(line)}` : safe(line))
    if (error.hint) err(safe(error.hint))
    return error instanceof UsageError ? 2 : 1
  }
  if (isCommander(error)) return tellUsage(err, error, name)
  err(`Error: this is a bug in dozen's client: ${env.DOZEN_DEBUG ? (error as Error).stack : String(error)}`)
  if (!env.DOZEN_DEBUG) err('Set DOZEN_DEBUG=1 and repeat the command to see where.')
  return 1
}

const isCommander = (error: unknown): error is CommanderError =>
  String((error as CommanderError | undefined)?.code).startsWith('commander.')

function tellUsage(err: (line: string) => void, error: CommanderError, name: string): number {
  if (error.exitCode === 0) return 0
  const [first = '', ...more] = error.message.split('\n')
  const text = first.replace(/^error: /, '')
  err(`Error: ${safe(text.charAt(0).toUpperCase() + text.slice(1))}${/[.?!)]$/.test(text) ? '' : '.'}`)
  for (const line of more) err(safe(line))
  err(safe(`\`dozen help ${find(ENTRIES, name)?.name ?? name}\` shows how it is used.`))
  return 2
}
