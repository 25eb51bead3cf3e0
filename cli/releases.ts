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

/** Polls until the release serves and the old processes are drained; tells what the switch cost, or throws CliError with the reason of its failure. */
export async function waitForRelease(context: Context, app: string, version: number): Promise<Release> {
  let failure: Failure | null = null
  const settled = async () => {
    for (;;) {
      const release = await context.api.get<Release>(appPath(app, 'releases', version))
      if (release.status === 'succeeded' && release.stage === 'done') return release
      failure = release.failure ?? null
      if (!['pending', 'succeeded'].includes(release.status)) throw failed(release)
      await setTimeout(POLL_MS)
    }
  }
  const release = progress(context, `Waiting for v${version} to serve`, settled(), switchCost)
  return release.finally(() => printFailure(context.err, failure))
}

type Failure = { dyno: string; lines: string[] }

const failed = ({ version, status, reason }: Release) =>
  new CliError(`v${version} ${status}${reason ? `: ${safe(reason)}` : '.'}`, {
    hint: 'What ran before still runs. `dozen logs` has the details.',
  })

/** What a process that failed wrote last. */
export function printFailure(out: (line: string) => void, failure: Failure | null): void {
  if (!failure || failure.lines.length === 0) return
  out(`The last lines of ${safe(failure.dyno)}:`)
  for (const line of failure.lines) out(`  ${safe(line)}`)
}

/** "0 of 120 requests failed, longest wait 41 ms, connections: 3 drained, 0 cut" */
export function switchCost({ switch: cost }: { switch: SwitchCost | null }): string {
  if (!cost) return 'no traffic was measured'
  const { served, failed, longestWaitMs, drained = 0, cut } = cost
  if (served + failed === 0) return 'no requests came meanwhile'
  return `${failed} of ${served + failed} requests failed, longest wait ${Math.round(longestWaitMs)} ms, connections: ${drained} drained, ${cut} cut`
}
