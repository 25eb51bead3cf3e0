import { change } from '../../buildpacks.ts'
import { appCommand, type AppOption, type Make } from '../../command.ts'
import { CliError, UsageError } from '../../errors.ts'
import { parseCount } from '../../pairs.ts'

type At = AppOption & { index?: number }
const INDEX = ['-i, --index <n>', 'its place, from 1', parseCount] as const
const refuseTwice = (urls: readonly string[], url: string, app: string) => {
  if (urls.includes(url)) throw new CliError(`${app} has the buildpack ${url} already.`)
}

export const set: Make = (context) =>
  appCommand('buildpacks:set', "set an app's buildpack")
    .argument('<buildpack>', 'a name such as nodejs, or the URL of a git repository')
    .option(...INDEX)
    .action((url: string, { index = 1, ...options }: At) =>
      change(context, options, `Setting buildpack ${url} of`, (urls) => [...urls.slice(0, index - 1), url, ...urls.slice(index)]),
    )

export const add: Make = (context) =>
  appCommand('buildpacks:add', 'add a buildpack after the others')
    .argument('<buildpack>', 'a name such as nodejs, or the URL of a git repository')
    .option(...INDEX)
    .action((url: string, { index, ...options }: At) =>
      change(context, options, `Adding buildpack ${url} to`, (urls, app) => {
        refuseTwice(urls, url, app)
        return index ? urls.toSpliced(index - 1, 0, url) : [...urls, url]
      }),
    )

export const remove: Make = (context) =>
  appCommand('buildpacks:remove', 'remove a buildpack')
    .argument('[buildpack]', 'its name or URL')
    .option(...INDEX)
    .action((url: string | undefined, { index, ...options }: At) => {
      if (!url === !index) throw new UsageError('Say which buildpack: its name or URL, or its place with -i.')
      return change(context, options, `Removing buildpack ${url ?? index} from`, (urls, app) => {
        const at = index ? index - 1 : urls.indexOf(url!)
        if (urls[at] === undefined)
          throw new CliError(`${app} has no buildpack ${url ?? index}.`, { hint: `\`dozen buildpacks -a ${app}\` lists them.` })
        return urls.toSpliced(at, 1)
      })
    })

export const clear: Make = (context) =>
  appCommand('buildpacks:clear', 'let dozen find out the buildpack again').action((options: AppOption) =>
    change(context, options, 'Clearing the buildpacks of', () => []),
  )
