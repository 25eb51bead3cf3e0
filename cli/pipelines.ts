import type { App } from '../server/api/wire.ts'
import type { Context } from './context.ts'
import { CliError } from './errors.ts'
import type { Coupling, Pipeline } from './shapes.ts'

/** In the order that code moves through them. */
export const STAGES = ['review', 'development', 'staging', 'production'] as const

export const pipelinePath = (nameOrId: string, ...rest: string[]): string =>
  ['/pipelines', encodeURIComponent(nameOrId), ...rest].join('/')

export type Coupled = Coupling & { app: { id: string; name: string } }

/** A pipeline's apps with their names, by stage. */
export async function couplingsOf({ api }: Context, pipeline: Pipeline): Promise<Coupled[]> {
  const couplings = await api.list<Coupling>(pipelinePath(pipeline.id, 'pipeline-couplings'))
  const apps = couplings.length ? await api.list<App>('/apps') : []
  const nameOf = ({ id, name }: Coupling['app']) => name ?? apps.find((app) => app.id === id)?.name ?? id
  const named = couplings.map((coupling) => ({ ...coupling, app: { id: coupling.app.id, name: nameOf(coupling.app) } }))
  return named.sort((a, b) => rank(a.stage) - rank(b.stage) || a.app.name.localeCompare(b.app.name))
}

const rank = (stage: string) => STAGES.indexOf(stage as (typeof STAGES)[number])

/** The apps of those names or ids; throws CliError for one that is not in the pipeline. */
export function named(all: readonly Coupled[], names: readonly string[]): Coupled[] {
  return names.map((name) => {
    const found = all.find(({ app }) => app.name === name || app.id === name)
    if (!found) throw new CliError(`${name} is not in the pipeline.`)
    return found
  })
}

/** The apps of the stage after an app's own; throws CliError when there is none. */
export function next(all: readonly Coupled[], { stage }: Coupling, app: string): Coupled[] {
  const after = STAGES[STAGES.indexOf(stage as (typeof STAGES)[number]) + 1]
  const targets = all.filter((coupling) => coupling.stage === after)
  if (targets.length === 0) throw new CliError(`${app} is in stage ${stage}, and no app of the pipeline is in the one after it.`)
  return targets
}
