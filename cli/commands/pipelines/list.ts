import { command, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json } from '../../output.ts'
import { couplingsOf, pipelinePath } from '../../pipelines.ts'
import type { Pipeline } from '../../shapes.ts'

/** GET /pipelines */
export const list: Make = (context) =>
  command('pipelines', 'list your pipelines')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption) => {
      const items = await context.api.list<Pipeline>('/pipelines')
      const empty = 'You have no pipelines. `dozen pipelines:create NAME -a APP` makes one.'
      printList(context, options, { items, title: 'My Pipelines', empty, row: ({ name }) => [name] })
    })

/** GET /pipelines/:pipeline, with its apps */
export const info: Make = (context) =>
  command('pipelines:info', "show a pipeline's apps and their stages")
    .argument('<pipeline>', 'its name')
    .option('--json', 'print it as JSON')
    .action(async (name: string, options: JsonOption) => {
      const pipeline = await context.api.get<Pipeline>(pipelinePath(name))
      const items = await couplingsOf(context, pipeline)
      if (options.json) return json(context, { pipeline, apps: items })
      const empty = `${pipeline.name} has no apps.`
      printList(context, {}, { items, title: pipeline.name, empty, row: ({ app, stage }) => [app.name, stage] })
    })
