import { AppError } from '../errors.ts'

const DEFAULT_MAX = 200
const LIMIT = 1000
const RANGE = /^\s*([a-z_]+)\s*(\]?)([^.\s;]*)\.\.([^;\s]*)\s*(;.*)?$/

export type Page<T> = { items: T[]; status: 200 | 206; contentRange: string; nextRange: string | undefined }

/**
 * One page of a list by the `Range` header of the Platform API: `version ..; max=15, order=desc`, `id ]abc..; max=200` (`]` = after, exclusive).
 * `keys` are what may be ordered by; the first is the default. An empty header, or one for another key, means the default page.
 */
export function page<T>(
  header: string | undefined,
  items: readonly T[],
  keys: Readonly<Record<string, (item: T) => string | number>>,
): Page<T> {
  const { key, exclusive, start, end, max, descending } = parse(header, Object.keys(keys))
  const of = keys[key]!
  const from = typedLike(items[0] && of(items[0]), start)
  const to = typedLike(items[0] && of(items[0]), end)
  const after = (item: T) => {
    if (from === undefined) return true
    const order = compare(of(item), from) * (descending ? -1 : 1)
    return exclusive ? order > 0 : order >= 0
  }
  const before = (item: T) => to === undefined || compare(of(item), to) * (descending ? -1 : 1) <= 0
  const sorted = items.filter(after).filter(before).toSorted((a, b) => compare(of(a), of(b)) * (descending ? -1 : 1)) // prettier-ignore
  const taken = sorted.slice(0, max)
  const last = taken.at(-1)
  const more = sorted.length > taken.length && last !== undefined
  return {
    items: taken,
    status: more ? 206 : 200,
    contentRange: `${key} ${taken[0] === undefined ? '' : of(taken[0])}..${last === undefined ? '' : of(last)}`,
    nextRange: more ? `${key} ]${of(last)}..${end}; max=${max}${descending ? ', order=desc' : ''}` : undefined,
  }
}

function parse(header: string | undefined, keys: string[]) {
  const fallback = { key: keys[0]!, exclusive: false, start: '', end: '', max: DEFAULT_MAX, descending: false }
  if (!header?.trim()) return fallback
  const match = RANGE.exec(header)
  if (!match)
    throw new AppError(
      'range_not_satisfiable',
      `The Range header ${JSON.stringify(header.slice(0, 100))} should look like "id ..; max=200".`,
    )
  const [, key, bracket, start, end, options = ''] = match
  const max = /\bmax\s*=\s*([^\s,;]+)/.exec(options)?.[1]
  if (max !== undefined && !(/^\d{1,6}$/.test(max) && Number(max) >= 1)) {
    throw new AppError('range_not_satisfiable', `max should be a number from 1 to ${LIMIT}.`)
  }
  return {
    key: keys.includes(key!) ? key! : fallback.key,
    exclusive: bracket === ']',
    start: keys.includes(key!) ? start! : '',
    end: keys.includes(key!) ? end! : '',
    max: Math.min(Number(max ?? DEFAULT_MAX), LIMIT),
    descending: /\border\s*=\s*desc\b/.test(options),
  }
}

const typedLike = (sample: string | number | undefined, text: string) =>
  text === '' ? undefined : typeof sample === 'number' ? Number(text) : text
const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)
