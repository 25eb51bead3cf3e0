import { Cron } from 'croner'
import { AppError, invalid } from '../errors.ts'

/** A command that runs at fixed times in a one-off dyno. */
export type ScheduledCommand = {
  /** Five fields, UTC: "0 3 * * *". */
  readonly schedule: string
  readonly command: string
  /** Starts also while the one before still runs. */
  readonly overlap: boolean
}

const MAX_COMMAND_BYTES = 64 * 1024
const MAX_SCHEDULE = 200

/** Checks one job. Throws invalid_params saying which field is wrong. */
export function parseScheduled(input: { schedule?: unknown; command?: unknown; overlap?: unknown }): ScheduledCommand {
  const { schedule, command, overlap = false } = input
  if (typeof command !== 'string' || command.trim() === '') throw invalid('A job needs a command, for example "node clean.js".')
  if (command.includes('\0') || Buffer.byteLength(command) > MAX_COMMAND_BYTES)
    throw invalid(`The command of a job should be text of at most ${MAX_COMMAND_BYTES} bytes, without NUL.`)
  if (typeof overlap !== 'boolean') throw invalid('overlap should be true or false.')
  if (typeof schedule !== 'string' || schedule.length > MAX_SCHEDULE) throw invalid(needed(String(schedule).slice(0, 80)))
  const trimmed = schedule.trim().replaceAll(/\s+/g, ' ')
  if (nextDue(trimmed, new Date(0)) === undefined) throw invalid(`The schedule ${JSON.stringify(trimmed)} never comes.`)
  return { schedule: trimmed, command: command.trim(), overlap }
}

/** The first due time after `after`; undefined when there is none. Throws invalid_params for what is no schedule. */
export function nextDue(schedule: string, after: Date): Date | undefined {
  try {
    return cronOf(schedule).nextRun(after) ?? undefined
  } catch (cause) {
    throw new AppError('invalid_params', needed(schedule), { cause })
  }
}

const NICKNAME = /^@(yearly|annually|monthly|weekly|daily|hourly)$/i

function cronOf(schedule: string): Cron {
  if (!NICKNAME.test(schedule) && schedule.split(' ').length !== 5) throw new Error('not five fields')
  return new Cron(schedule, { timezone: 'UTC', paused: true })
}

const needed = (schedule: string) =>
  `${JSON.stringify(schedule)} is no schedule. It should be five fields in UTC (minute hour day month weekday), for example "*/10 * * * *" or "30 3 * * 1-5", or @hourly, @daily, @weekly, @monthly.`
