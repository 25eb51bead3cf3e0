import { setTimeout } from 'node:timers/promises'
import type { Release, SwitchCost } from '../server/api/wire.ts'
import { appPath } from './command.ts'
import type { Context } from './context.ts'
import { CliError } from './errors.ts'
import { progress } from './output.ts'
import { safe } from './terminal.ts'

const NEWEST = 'version ..; order=desc,max=1'
const POLL_MS = 250

export const newestRelease = async ({ api }: Context, app: string): Promise<Release | undefined> =>
  (await api.page<Release>(appPath(app, 'releases'), NEWEST))[0]

/** Polls until the release has left `pending`; tells what the switch cost, or throws CliError with the reason of its failure. */
export async function waitForRelease(context: Context, app: string, version: number): Promise<Release> {
  const settled = async () => {
    for (;;) {
      const release = await context.api.get<Release>(appPath(app, 'releases', version))
      if (release.status === 'succeeded') return release
      if (release.status !== 'pending') throw failure(release)
      await setTimeout(POLL_MS)
    }
  }
  const release = await progress(context, `Waiting for v${version} to serve`, settled(), switchCost)
  return release
}

const failure = ({ version, status, reason }: Release) =>
  new CliError(`v${version} ${status}${reason ? `: ${safe(reason)}` : '.'}`, {
    hint: 'What ran before still runs. `dozen logs` has the details.',
  })

/** "0 of 120 requests failed, the longest took 41 ms" */
export function switchCost({ switch: cost }: { switch: SwitchCost | null }): string {
  if (!cost) return 'no traffic was measured'
  if (cost.served + cost.failed === 0) return 'no requests came meanwhile'
  const cut = cost.cut ? `, ${cost.cut} connections cut` : ''
  return `${cost.failed} of ${cost.served + cost.failed} requests failed, the longest took ${Math.round(cost.longestWaitMs)} ms${cut}`
}
