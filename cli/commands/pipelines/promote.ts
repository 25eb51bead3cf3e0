import { setTimeout } from 'node:timers/promises'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { type Coupled, couplingsOf, named, next, pipelinePath } from '../../pipelines.ts'
import type { Coupling, Pipeline, Promotion, PromotionTarget } from '../../shapes.ts'
import { safe } from '../../terminal.ts'

const POLL_MS = 300

/** POST /pipeline-promotions: the same image, released on the apps of the next stage (or on those named). */
export const promote: Make = (context) =>
  appCommand('pipelines:promote', "release an app's code on the apps of the next stage")
    .option('-t, --to <apps>', 'on these apps of the pipeline instead, separated by commas')
    .action(async (options: AppOption & { to?: string }) => {
      const app = await context.app(options.app)
      const coupling = await context.api.get<Coupling>(appPath(app, 'pipeline-couplings'))
      const pipeline = await context.api.get<Pipeline>(pipelinePath(coupling.pipeline.id))
      const all = await couplingsOf(context, pipeline)
      const targets = options.to ? named(all, options.to.split(',')) : next(all, coupling, app)
      const names = targets.map((target) => target.app.name).join(', ')
      const made = context.api.post<Promotion>('/pipeline-promotions', {
        pipeline: { id: pipeline.id },
        source: { app: { id: coupling.app.id } },
        targets: targets.map((target) => ({ app: { id: target.app.id } })),
      })
      const { id } = await progress(context, `Promoting ${app} to ${names}`, made)
      await report(context, await settled(context, id), targets)
    })

async function settled({ api }: Context, id: string): Promise<PromotionTarget[]> {
  for (;;) {
    const targets = await api.list<PromotionTarget>(`/pipeline-promotions/${id}/promotion-targets`)
    if (targets.every(({ status }) => status !== 'pending')) return targets
    await setTimeout(POLL_MS)
  }
}

async function report({ out }: Context, results: readonly PromotionTarget[], targets: readonly Coupled[]): Promise<void> {
  for (const { app, status, error_message: why } of results) {
    const name = targets.find((target) => target.app.id === app.id)?.app.name ?? app.id
    out(safe(`${name}: ${status}${why ? ` — ${why}` : ''}`))
  }
  if (results.some(({ status }) => status === 'failed')) throw new CliError('Not every app was promoted.')
}
