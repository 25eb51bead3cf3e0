import { appCommand, type AppOption, appPath, command, type Make } from '../../command.ts'
import { progress } from '../../output.ts'
import { pipelinePath } from '../../pipelines.ts'
import type { Coupling } from '../../shapes.ts'

/** DELETE /pipeline-couplings/:id */
export const remove: Make = (context) =>
  appCommand('pipelines:remove', 'take an app out of its pipeline').action(async (options: AppOption) => {
    const app = await context.app(options.app)
    const { id } = await context.api.get<Coupling>(appPath(app, 'pipeline-couplings'))
    await progress(context, `Removing ${app} from its pipeline`, context.api.delete(`/pipeline-couplings/${id}`))
  })

/** PATCH /pipelines/:pipeline */
export const rename: Make = (context) =>
  command('pipelines:rename', 'give a pipeline another name')
    .argument('<pipeline>', 'its name')
    .argument('<name>', 'the new name')
    .action(async (from: string, name: string) => {
      await progress(context, `Renaming ${from} pipeline to ${name}`, context.api.patch(pipelinePath(from), { name }))
    })

/** DELETE /pipelines/:pipeline; its apps stay. */
export const destroy: Make = (context) =>
  command('pipelines:destroy', 'remove a pipeline; its apps stay')
    .argument('<pipeline>', 'its name')
    .action(async (name: string) => {
      await progress(context, `Destroying ${name} pipeline`, context.api.delete(pipelinePath(name)))
    })
