import type { Formation } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { json, progress } from '../../output.ts'
import { parseScale } from '../../pairs.ts'
import { safe } from '../../terminal.ts'

/** `dozen ps:scale web=3 worker+1` → PATCH /apps/:app/formation. Without arguments prints the formation in the same form. */
export const scale: Make = (context) =>
  appCommand('ps:scale', 'set how many dynos of each process type run')
    .argument('[type=n...]', 'e.g. web=3 worker+1 clock-1')
    .option('--json', 'print the formation as JSON')
    .action(async (texts: string[], options: AppOption & JsonOption) => {
      const updates = texts.map(parseScale)
      const app = await context.app(options.app)
      const path = appPath(app, 'formation')
      if (updates.length > 0) {
        const scaled = context.api.patch<Formation[]>(path, { updates })
        const now = (formation: Formation[]) => `now running ${formation.map(at).join(', ')}`
        const formation = await progress(context, 'Scaling dynos', scaled, now)
        return options.json ? json(context, formation) : undefined
      }
      const formation = await context.api.list<Formation>(path)
      if (options.json) return json(context, formation)
      if (formation.length === 0) return context.err(`${app} has no process types yet: deploy it with \`git push dozen main\`.`)
      context.out(formation.map(({ type, quantity, size }) => `${safe(type)}=${quantity}:${safe(size)}`).join(' '))
    })

const at = ({ type, quantity, size }: Formation) => `${type} at ${quantity}:${size}`
