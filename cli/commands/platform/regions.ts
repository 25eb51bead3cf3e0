import { command, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'

type Region = { id: string; name: string; description: string }

/** GET /regions */
export const regions: Make = (context) =>
  command('regions', 'list the regions: one, your own machine')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption) => {
      const items = await context.api.list<Region>('/regions')
      printList(context, options, {
        items,
        title: 'Regions',
        empty: 'There are none.',
        row: ({ name, description }) => [name, description],
      })
    })
