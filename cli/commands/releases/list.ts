import type { Release } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { heading, json } from '../../output.ts'
import { parseCount } from '../../pairs.ts'
import { table, when } from '../../table.ts'
import { styled } from '../../terminal.ts'

/** GET /apps/:app/releases, newest first. */
export const list: Make = (context) =>
  appCommand('releases', "list an app's releases, newest first")
    .option('-n, --num <count>', 'how many', parseCount, 15)
    .option('--json', 'print them as JSON')
    .action(async (options: AppOption & JsonOption & { num: number }) => {
      const app = await context.app(options.app)
      const range = `version ..; max=${options.num}, order=desc`
      const releases = await context.api.page<Release>(appPath(app, 'releases'), range)
      if (options.json) return json(context, releases)
      const current = releases.find((release) => release.current)
      heading(context, `${app} Releases${current ? ` - Current: v${current.version}` : ''}`)
      table(releases.map((release) => row(context, release))).forEach(context.out)
    })

const STATUS_STYLES = { succeeded: 'green', pending: 'yellow', failed: 'red', expired: 'red' } as const

const row = ({ terminal, now }: Context, release: Release): string[] => [
  `v${release.version}${release.current ? ' *' : ''}`,
  styled(terminal, STATUS_STYLES[release.status], release.status),
  release.description,
  release.user.email,
  when(release.created_at, now()),
]
