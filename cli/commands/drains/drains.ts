import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { progress } from '../../output.ts'
import type { Drain } from '../../shapes.ts'

/** GET /apps/:app/log-drains */
export const list: Make = (context) =>
  appCommand('drains', "list where an app's log stream is sent")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<Drain>(appPath(app, 'log-drains'))
      const row = ({ url, token }: Drain) => [url, `(${token})`]
      printList(context, options, { items, title: `${app} Drains`, empty: `The log stream of ${app} is sent nowhere.`, row })
    })

/** POST /apps/:app/log-drains */
export const add: Make = (context) =>
  appCommand('drains:add', "send an app's log stream somewhere too")
    .argument('<url>', 'e.g. syslog+tls://logs.example.com:6514 or https://logs.example.com/in')
    .action(async (url: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Adding drain ${url}`, context.api.post(appPath(app, 'log-drains'), { url }))
    })

/** POST /apps/:app/log-drains/:url/actions/test */
export const test: Make = (context) =>
  appCommand('drains:test', 'send one line to a drain now, and say whether it was taken')
    .argument('<url>', 'its URL, id or token')
    .action(async (url: string, options: AppOption) => {
      const app = await context.app(options.app)
      const path = appPath(app, 'log-drains', url, 'actions', 'test')
      const told = ({ ms }: { ms: number }) =>
        `in ${ms} ms${url.includes('udp') ? ', though UDP does not say whether it came' : ''}`
      await progress(context, `Sending a line to ${url}`, context.api.post<{ ms: number }>(path), told)
    })

/** DELETE /apps/:app/log-drains/:url */
export const remove: Make = (context) =>
  appCommand('drains:remove', "no longer send an app's log stream somewhere")
    .argument('<url>', 'its URL, id or token')
    .action(async (url: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing drain ${url}`, context.api.delete(appPath(app, 'log-drains', url)))
    })
