import type { Formation } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { progress } from '../../output.ts'

/** GET, or PATCH with sizes, /apps/:app/formation */
export const type: Make = (context) =>
  appCommand('ps:type', 'show or set the size of dynos')
    .argument('[type=size...]', 'e.g. web=large; a size alone is for all process types')
    .option(...JSON_OPTION)
    .action(async (texts: string[], options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const path = appPath(app, 'formation')
      let items = await context.api.list<Formation>(path)
      const updates = texts.flatMap((text) => sizes(text, items))
      if (updates.length)
        items = await progress(context, `Scaling dynos on ${app}`, context.api.patch<Formation[]>(path, { updates }))
      const row = ({ type: name, size, quantity }: Formation) => [name, size, String(quantity)]
      printList(context, options, {
        items,
        title: `${app} Dyno Types`,
        empty: `${app} has no process types yet.`,
        head: ['type', 'size', 'qty'],
        row,
      })
    })

/** "web=large" → web; "large" → every type */
export function sizes(text: string, formation: readonly Pick<Formation, 'type'>[]): { type: string; size: string }[] {
  const match = /^(?:([A-Za-z0-9_-]+)=)?([A-Za-z0-9._-]+)$/.exec(text)
  if (!match) throw new UsageError(`${JSON.stringify(text)} is not TYPE=SIZE, e.g. web=large.`)
  const [, name, size] = match
  return name ? [{ type: name, size: size! }] : formation.map(({ type: each }) => ({ type: each, size: size! }))
}
