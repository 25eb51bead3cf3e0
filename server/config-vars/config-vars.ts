import { invalid } from '../errors.ts'
import type { App } from '../apps/app.ts'
import type { Release } from '../releases/release.ts'

const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/
const RESERVED = /^(DOZEN|HEROKU)_/i
/** All values and keys of an app together. */
export const CONFIG_BYTES = 64 * 1024

type Ledger = {
  currentConfig(appId: string): Record<string, string>
  config(appId: string, version: number): Record<string, string>
  findVersion(appId: string, version: number): Release | undefined
  current(appId: string): Release | undefined
  configure(
    appId: string,
    user: Release['user'],
    change: (config: Record<string, string>) => { config: Record<string, string>; description: string } | undefined,
  ): Release | undefined
}

type Deps = {
  releases: Ledger
  /** Throws invalid_params when a var means something to the platform, and this is no value for it. */
  checkMeaning?: (key: string, value: string) => void
}

/** Factor III: what differs between deploys. Each change is a release. */
export function configVars({ releases, checkMeaning = () => {} }: Deps) {
  return {
    current: (appId: string) => releases.currentConfig(appId),
    ofRelease: (appId: string, version: number) => releases.config(appId, version),
    /** null removes a key. Answers the release that was made, or the current one when nothing changes. */
    update(app: App, user: Release['user'], changes: Record<string, unknown>): Release {
      const checked = parseChanges(changes)
      for (const [key, value] of checked) if (value !== null) checkMeaning(key, value)
      const made = releases.configure(app.id, user, (config) => applied(config, checked))
      return made ?? releases.current(app.id)!
    },
  }
}

function parseChanges(changes: Record<string, unknown>): Map<string, string | null> {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    throw invalid('Config vars are a JSON object of names and values, e.g. {"KEY":"value"}.')
  }
  return new Map(Object.entries(changes).map(([key, value]) => [checkKey(key), checkValue(key, value)]))
}

function checkKey(key: string): string {
  if (!KEY.test(key))
    throw invalid(`${JSON.stringify(key)} is no config var name: use letters, digits and _, and no digit first.`)
  if (RESERVED.test(key))
    throw invalid(`${key} is reserved for the platform: choose a name that does not start with DOZEN_ or HEROKU_.`)
  return key
}

function checkValue(key: string, value: unknown): string | null {
  if (value === null) return null
  if (typeof value !== 'string') throw invalid(`The value of ${key} should be a string, or null to remove it.`)
  if (value.includes('\0')) throw invalid(`The value of ${key} holds a NUL byte, which no environment can carry.`)
  if (!value.isWellFormed()) throw invalid(`The value of ${key} is not valid Unicode text.`)
  return value
}

function applied(config: Record<string, string>, changes: Map<string, string | null>) {
  const next = new Map(Object.entries(config))
  const set: string[] = []
  const removed: string[] = []
  for (const [key, value] of changes) {
    if (value === null) removed.push(...(next.delete(key) ? [key] : []))
    else if (next.get(key) !== value) {
      next.set(key, value)
      set.push(key)
    }
  }
  if (set.length + removed.length === 0) return undefined
  const bytes = [...next].reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  if (bytes > CONFIG_BYTES)
    throw invalid(`All config vars together may have ${CONFIG_BYTES} bytes (64 KiB); these would have ${bytes}.`)
  return { config: Object.fromEntries(next), description: described(set, removed) }
}

function described(set: string[], removed: string[]): string {
  if (removed.length === 0) return `Set ${set.join(', ')} config vars`
  if (set.length === 0) return `Remove ${removed.join(', ')} config vars`
  return `Set ${set.join(', ')} and remove ${removed.join(', ')} config vars`
}
