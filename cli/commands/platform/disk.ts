import { command, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json } from '../../output.ts'
import { size } from '../../table.ts'

type Usage = { name: string; bytes: number; reclaimable_bytes?: number }

/** GET /disk */
export const disk: Make = (context) =>
  command('disk', 'show what takes room on the machine, and what could go')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption) => {
      const usage = await context.api.get<{ items: Usage[]; free_bytes?: number }>('/disk')
      if (options.json) return json(context, usage)
      const row = (item: Usage) => [
        item.name,
        size(item.bytes),
        item.reclaimable_bytes ? `${size(item.reclaimable_bytes)} could go` : '',
      ]
      printList(context, {}, { items: usage.items, title: 'Disk', empty: 'Nothing takes room.', row })
      if (usage.free_bytes !== undefined) context.out(`free  ${size(usage.free_bytes)}`)
    })
