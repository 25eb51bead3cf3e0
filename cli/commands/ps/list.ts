import type { Dyno, Formation } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { heading, json } from '../../output.ts'
import { when } from '../../table.ts'
import { safe, styled } from '../../terminal.ts'

/** GET /apps/:app/dynos */
export const list: Make = (context) =>
  appCommand('ps', "show an app's dynos and their states")
    .argument('[type...]', 'only these process types')
    .option('--json', 'print them as JSON')
    .action(async (types: string[], options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const all = await context.api.list<Dyno>(appPath(app, 'dynos'))
      const dynos = types.length ? all.filter(({ type }) => types.includes(type)) : all
      if (options.json) return json(context, dynos)
      if (dynos.length === 0) return context.err(await noDynos(context, app, types))
      groups(dynos).forEach((group, i) => {
        if (i > 0) context.out('')
        printGroup(context, group)
      })
    })

async function noDynos({ api }: Context, app: string, types: readonly string[]): Promise<string> {
  const formation = await api.list<Formation>(appPath(app, 'formation'))
  if (formation.length === 0) return `Nothing is deployed on ${app} yet: \`git push dozen main\`.`
  const what = types.map((type) => `${type} `).join('or ')
  return `No ${what}dynos run on ${app}. \`dozen ps:scale ${types[0] ?? 'web'}=1\` starts one.`
}

const STATE_STYLES = { up: 'green', starting: 'yellow', idle: 'dim', crashed: 'red', down: 'red' } as const

function printGroup(context: Context, group: readonly Dyno[]): void {
  const { type, size, command } = group[0]!
  heading(context, type === 'run' ? 'run: one-off processes' : `${type} (${size}): ${command} (${group.length})`)
  for (const { name, state, updated_at, reason, release, ...dyno } of group) {
    const since = when(updated_at, context.now())
    const command = type === 'run' ? `: ${safe(dyno.command)}` : ''
    const why = reason ? ` — ${safe(reason)}` : ''
    context.out(
      `${safe(name)}: ${styled(context.terminal, STATE_STYLES[state] ?? 'bold', state)} v${release.version} ${since}${command}${why}`,
    )
  }
}

/** By type: web first, one-off dynos last; within a type by number. */
export function groups(dynos: readonly Dyno[]): Dyno[][] {
  const byType = new Map<string, Dyno[]>()
  for (const dyno of dynos) byType.set(dyno.type, [...(byType.get(dyno.type) ?? []), dyno])
  const rank = (type: string) => (type === 'web' ? 0 : type === 'run' ? 2 : 1)
  const ordinal = ({ name }: Dyno) => Number(name.split('.').at(-1))
  return [...byType]
    .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
    .map(([, group]) => group.sort((a, b) => ordinal(a) - ordinal(b)))
}
