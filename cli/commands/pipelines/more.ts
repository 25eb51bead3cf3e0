import type { Account, Release } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, command, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { commitsBetween } from '../../difference.ts'
import { heading, json, progress } from '../../output.ts'
import { couplingsOf, next, pipelinePath } from '../../pipelines.ts'
import type { Coupling, Pipeline } from '../../shapes.ts'
import { safe } from '../../terminal.ts'

/** What runs on an app and on those of the next stage: commits, where the folder's repository has them. */
export const diff: Make = (context) =>
  appCommand('pipelines:diff', 'show which commits a promotion would bring')
    .option('--json', 'print it as JSON')
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const coupling = await context.api.get<Coupling>(appPath(app, 'pipeline-couplings'))
      const pipeline = await context.api.get<Pipeline>(pipelinePath(coupling.pipeline.id))
      const targets = next(await couplingsOf(context, pipeline), coupling, app)
      const commit = await running(context, app)
      const all = await Promise.all(targets.map(async (target) => ({ app: target.app.name, commit: await running(context, target.app.name) }))) // prettier-ignore
      if (options.json) return json(context, { app, commit, targets: all })
      for (const target of all) await show(context, { app, commit }, target)
    })

type At = { app: string; commit: string | null }

async function running({ api }: Context, app: string): Promise<string | null> {
  const releases = await api.page<Release>(appPath(app, 'releases'), 'version ..; order=desc, max=50')
  return releases.find(({ current }) => current)?.commit ?? null
}

async function show(context: Context, from: At, to: At): Promise<void> {
  const short = ({ commit }: At) => commit?.slice(0, 8) ?? 'nothing'
  heading(context, `${from.app} (${short(from)}) → ${to.app} (${short(to)})`)
  if (from.commit === to.commit) return context.err('They run the same commit.')
  const lines = await commitsBetween(context.cwd, [{ key: 'commit', before: to.commit, after: from.commit }])
  for (const line of lines) context.out(safe(line))
  if (lines.length === 0) context.err('The commits between them are not in the git repository of this folder.')
}

/** POST /pipeline-transfers */
export const transfer: Make = (context) =>
  command('pipelines:transfer', 'give a pipeline to someone else; its apps stay whose they are')
    .argument('<pipeline>', 'its name')
    .argument('<email>', 'the account that gets it')
    .action(async (name: string, email: string) => {
      const { id } = await context.api.get<Pipeline>(pipelinePath(name))
      const owner = await context.api.get<Account>(`/users/${encodeURIComponent(email)}`)
      const made = context.api.post('/pipeline-transfers', { pipeline: { id }, new_owner: { id: owner.id, type: 'user' } })
      await progress(context, `Transferring ${name} to ${email}`, made)
    })
