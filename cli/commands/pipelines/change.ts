import type { Account } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { pipelinePath, STAGES } from '../../pipelines.ts'
import type { Coupling, Pipeline } from '../../shapes.ts'

type StageOption = AppOption & { stage?: string }
const STAGE = ['-s, --stage <stage>', STAGES.join(', ')] as const

const stageOf = ({ stage }: StageOption, app: string): string => {
  if (stage) return stage
  throw new UsageError(`Which stage is ${app}?`, { hint: `Say it with --stage: ${STAGES.join(', ')}.` })
}

/** POST /pipelines, then its first coupling */
export const create: Make = (context) =>
  appCommand('pipelines:create', 'make a pipeline with an app in it')
    .argument('<name>', 'the name of the pipeline')
    .option(...STAGE)
    .action(async (name: string, options: StageOption) => {
      const app = await context.app(options.app)
      const stage = stageOf(options, app)
      const { id: owner } = await context.api.get<Account>('/account')
      const made = context.api.post<Pipeline>('/pipelines', { name, owner: { id: owner, type: 'user' } })
      const { id } = await progress(context, `Creating ${name} pipeline`, made)
      const coupled = context.api.post<Coupling>('/pipeline-couplings', { app, pipeline: id, stage })
      await progress(context, `Adding ${app} to ${name} pipeline as ${stage}`, coupled)
    })

/** POST /pipeline-couplings */
export const add: Make = (context) =>
  appCommand('pipelines:add', 'put an app into a pipeline')
    .argument('<pipeline>', 'its name')
    .option(...STAGE)
    .action(async (name: string, options: StageOption) => {
      const app = await context.app(options.app)
      const stage = stageOf(options, app)
      const { id } = await context.api.get<Pipeline>(pipelinePath(name))
      const coupled = context.api.post<Coupling>('/pipeline-couplings', { app, pipeline: id, stage })
      await progress(context, `Adding ${app} to ${name} pipeline as ${stage}`, coupled)
    })

/** PATCH /pipeline-couplings/:id */
export const update: Make = (context) =>
  appCommand('pipelines:update', "change an app's stage")
    .option(...STAGE)
    .action(async (options: StageOption) => {
      const app = await context.app(options.app)
      const stage = stageOf(options, app)
      const { id } = await context.api.get<Coupling>(appPath(app, 'pipeline-couplings'))
      await progress(context, `Changing ${app} to ${stage}`, context.api.patch(`/pipeline-couplings/${id}`, { stage }))
    })
