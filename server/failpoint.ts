import { readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

/** The step boundaries at which a test may have a process killed: what was done before each must hold after it. */
export const FAILPOINTS = [
  'build.recorded',
  'build.compiled',
  'deploy.built',
  'release.committing',
  'release.appended',
  'phase.started',
  'phase.ended',
  'phase.passed',
  'dyno.created',
  'dyno.started',
  'switch.proven',
  'table.numbered',
  'switch.published',
  'switch.settled',
  'retire.drained',
  'retire.stopped',
  'retire.removed',
  'release.failing',
  'release.failed',
  'scale.committing',
  'scale.committed',
  'restart.committed',
  'destroy.committed',
  'destroy.emptied',
  'run.created',
  'run.started',
  'run.ended',
  'rotate.keyed',
  'rotate.committed',
  'acme.keyed',
  'acme.ordered',
  'acme.answering',
  'acme.asked',
  'acme.finalized',
  'acme.fetched',
  'acme.installed',
] as const
export type Failpoint = (typeof FAILPOINTS)[number]

let folder: string | undefined

/** Tests only: from now on a file in `from` that is named like a fail point is a wish to die there. main.ts calls it with DOZEN_FAIL_AT. */
export function armFailpoints(from: string | undefined) {
  folder = from || undefined
}

/**
 * Kills (SIGKILL, at once) the processes whose ids the file of this name holds, or this one when it is empty; each file once, so that the
 * successor gets past. Without `armFailpoints` nothing is looked at.
 */
export function failpoint(name: Failpoint) {
  if (folder === undefined) return
  const pids = taken(join(folder, name))
  if (!pids) return
  for (const pid of pids.length > 0 ? pids : [process.pid]) process.kill(pid, 'SIGKILL')
}

function taken(file: string): number[] | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim()
    unlinkSync(file)
    return text === '' ? [] : text.split(/\s+/).map(Number)
  } catch {
    return undefined
  }
}
