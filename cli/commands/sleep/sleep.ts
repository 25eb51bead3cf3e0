import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { json, progress } from '../../output.ts'
import { parseSpan } from '../../pairs.ts'
import type { Sleep } from '../../shapes.ts'
import { when } from '../../table.ts'

/** GET /apps/:app/sleep */
export const show: Make = (context) =>
  appCommand('sleep', 'say whether an app may sleep, and whether it does')
    .option('--json', 'print it as JSON')
    .action(async (options: AppOption & JsonOption) => {
      const found = await context.api.get<Sleep>(appPath(await context.app(options.app), 'sleep'))
      if (options.json) return json(context, found)
      if (!found.enabled) return context.out('off')
      const state = found.asleep_since === null ? 'awake' : `asleep since ${when(found.asleep_since, context.now())}`
      context.out(`on, after ${span(found.after)} without a visit; ${state}`)
    })

/** PUT /apps/:app/sleep */
export const on: Make = (context) =>
  appCommand('sleep:on', 'stop web dynos while nobody visits; the next visit waits while they start')
    .option('--after <time>', 'without a visit, e.g. 90s, 30m or 2h', '30m')
    .action(async ({ after, ...options }: AppOption & { after: string }) => {
      const app = await context.app(options.app)
      const made = context.api.put<Sleep>(appPath(app, 'sleep'), { after: parseSpan(after) })
      await progress(context, `Letting ${app} sleep`, made, (one) => `after ${span(one.after)} without a visit`)
    })

/** DELETE /apps/:app/sleep */
export const off: Make = (context) =>
  appCommand('sleep:off', 'keep web dynos awake, and wake them').action(async (options: AppOption) => {
    const app = await context.app(options.app)
    await progress(context, `Keeping ${app} awake`, context.api.delete(appPath(app, 'sleep')))
  })

/** 5400 → "90m". */
function span(seconds: number): string {
  const [unit, size] = ([['d', 86_400], ['h', 3600], ['m', 60]] as const).find(([, size]) => seconds % size === 0) ?? ['s', 1] // prettier-ignore
  return `${seconds / size}${unit}`
}
