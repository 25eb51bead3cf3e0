import { invalid } from '../errors.ts'

/** How to find out whether a process that listens is well. Times in milliseconds. */
export type Check = {
  /** Answers 2xx or 3xx when it is well; null = it is enough that the port accepts connections. */
  readonly path: string | null
  readonly intervalMs: number
  readonly timeoutMs: number
  /** As many in a row that fail, and the process is started anew. */
  readonly failures: number
}

/** As people say it: times in seconds. */
export type CheckInput = { path?: unknown; interval?: unknown; timeout?: unknown; failures?: unknown }

/** Throws invalid_params. */
export function parseCheck(type: string, { path, interval = 15, timeout = 5, failures = 3 }: CheckInput): Check {
  if (type !== 'web') throw invalid(`Only web processes listen, so only web has a health check, not ${JSON.stringify(type)}.`)
  if (typeof path !== 'string' || !/^\/[\x21-\x7e]{0,500}$/.test(path)) throw invalid('path should be a path such as /health.')
  const [intervalMs, timeoutMs] = [between('interval', interval, 1, 3600) * 1000, between('timeout', timeout, 0.1, 60) * 1000]
  if (!Number.isInteger(failures)) throw invalid('failures should be a whole number from 1 to 100.')
  return { path, intervalMs, timeoutMs, failures: between('failures', failures, 1, 100) }
}

function between(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== 'number' || !(value >= low && value <= high))
    throw invalid(`${name} should be a number from ${low} to ${high}.`)
  return value
}
