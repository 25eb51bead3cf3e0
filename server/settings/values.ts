import { parseDuration } from '../config.ts'

/** How a setting's text is read. `parse` gives undefined for what is none; `expected` completes "… should be". */
export type Kind<T> = { readonly parse: (text: string) => T | undefined; readonly expected: string }

const within = (value: number | undefined, low: number, high: number) =>
  value !== undefined && value >= low && value <= high ? value : undefined

/** "90s" → 90000, from `low` to `high`, both as people write them. */
export const time = (low: string, high: string): Kind<number> => ({
  parse: (text) => within(parseDuration(text), parseDuration(low)!, parseDuration(high)!),
  expected: `a time from ${low} to ${high}, such as 90s or 5m`,
})

/** "500" → 500 */
export const count = (low: number, high: number): Kind<number> => ({
  parse: (text) => (/^\d{1,9}$/.test(text) ? within(Number(text), low, high) : undefined),
  expected: `a number from ${low} to ${high}`,
})

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** "10m", "10 MiB", "512" → bytes, at most 1 TiB. */
export const size: Kind<number> = {
  parse(text) {
    const match = /^(\d{1,12}(?:\.\d{1,3})?) ?(?:([kmg])i?)?b?$/i.exec(text)
    return match ? within(Math.round(Number(match[1]) * UNITS[(match[2] ?? '').toLowerCase()]!), 0, 1024 ** 4) : undefined
  },
  expected: 'a size such as 512k, 10m or 1g',
}

/** One of a few words → what it stands for. */
export const choice = <T>(words: Readonly<Record<string, T>>): Kind<T> => ({
  parse: (text) => (Object.hasOwn(words, text) ? words[text] : undefined),
  expected: Object.keys(words).join(' or '),
})

const YEAR_MS = 365 * 86_400_000

/** "365d,subdomains,preload" → the value of Strict-Transport-Security (RFC 6797). Preloading has the browsers' own demands. */
export const hsts: Kind<string> = {
  parse(text) {
    const [, age = '', subdomains, preload] = /^(\w+)(,subdomains)?(,preload)?$/.exec(text) ?? []
    const ms = within(parseDuration(age), 0, 10 * YEAR_MS)
    if (ms === undefined || (preload && !(subdomains && ms >= YEAR_MS))) return undefined
    return `max-age=${Math.floor(ms / 1000)}${subdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
  },
  expected: 'a time such as 365d, or 365d,subdomains, or at least 365d,subdomains,preload',
}

const SPANS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** "100/s" → 100 in 1000 ms. */
export const rate: Kind<{ count: number; perMs: number }> = {
  parse(text) {
    const match = /^([1-9]\d{0,6})\/([smh])$/.exec(text)
    return match ? { count: Number(match[1]), perMs: SPANS[match[2]!]! } : undefined
  },
  expected: 'a number of requests in a second, minute or hour, such as 100/s or 6000/m',
}

/** 90000 → "90s"; the inverse of a time's `parse`. */
export const timeText = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`)
