import type { ConfigVars, Release } from '../../../server/api/wire.ts'
import { appPath, command, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { changes, masked } from '../../difference.ts'
import { heading, json } from '../../output.ts'
import type { BuildpackInstallation } from '../../shapes.ts'
import { printChanges } from '../releases/diff.ts'

/** Two apps beside each other: code, process types, buildpacks, config. */
export const diff: Make = (context) =>
  command('apps:diff', 'show how two apps differ')
    .argument('<app>', 'one app')
    .argument('<other>', 'the other')
    .option('--values', 'show the values of config vars too')
    .option('--json', 'print it as JSON')
    .action(async (one: string, other: string, options: JsonOption & { values?: true }) => {
      const [a, b] = await Promise.all([one, other].map((app) => look(context, app)))
      const all = changes(a!.vars, b!.vars)
      const found = {
        code: changes(a!.code, b!.code),
        process_types: changes(a!.types, b!.types),
        buildpacks: changes(a!.packs, b!.packs),
        config: options.values ? all : all.map(masked),
      }
      if (options.json) return json(context, { from: one, to: other, ...found })
      heading(context, `${one} → ${other}`)
      printChanges(context, 'Code', found.code)
      printChanges(context, 'Process types', found.process_types)
      printChanges(context, 'Buildpacks', found.buildpacks)
      printChanges(context, 'Config vars', found.config)
      if (Object.values(found).every((list) => list.length === 0)) context.err('Nothing differs.')
    })

async function look({ api }: Context, app: string) {
  const [releases, vars, packs] = await Promise.all([
    api.page<Release>(appPath(app, 'releases'), 'version ..; order=desc, max=50'),
    api.get<ConfigVars>(appPath(app, 'config-vars')),
    api.get<BuildpackInstallation[]>(appPath(app, 'buildpack-installations')),
  ])
  const current = releases.find((release) => release.current)
  return {
    vars,
    code: { commit: current?.commit ?? null },
    types: current?.process_types ?? {},
    packs: Object.fromEntries(packs.map(({ ordinal, buildpack }) => [String(ordinal + 1), buildpack.name])),
  }
}
