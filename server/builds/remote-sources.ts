import { declaredWords } from './source.ts'

/** More than a variable of a variable of a variable is no Dockerfile that somebody wrote to be read. */
const DEPTH = 5
/** What variables put into one instruction, at most: doubled variables are otherwise a bomb. */
const MAX_CHARS = 64 * 1024

/**
 * Hosts of the remote sources of a Dockerfile's ADD instructions (those of ONBUILD too), with variables as ARG, ENV and `args` have them. Strict rather than
 * exact: text in a heredoc that looks like an instruction counts as one. What BuildKit is told elsewhere is not seen: by a base image's ONBUILD, by a frontend
 * (`# syntax=`), by a redirect.
 */
export function remoteHosts(dockerfile: string, args: Readonly<Record<string, string>>): string[] {
  const values = new Map<string, string>()
  const hosts = new Set<string>()
  for (const line of instructions(dockerfile)) {
    const [, name, rest] = /^\s*(?:ONBUILD\s+)?(ADD|ARG|ENV)\s+([^]*)/i.exec(line) ?? []
    if (name === undefined || rest === undefined) continue
    if (name.toUpperCase() === 'ADD') for (const host of hostsIn(expanded(rest, values))) hosts.add(host)
    else
      for (const [key, value] of assignments(name, rest))
        values.set(key, (isArg(name) ? args[key] : undefined) ?? expanded(value, values))
  }
  return [...hosts]
}

/** One a line: continued lines joined, as the `escape` directive has it, and comments between them left out. */
function instructions(dockerfile: string): string[] {
  const isTick = /^(?:[ \t]*(?:#.*)?\r?\n)*?[ \t]*#[ \t]*escape[ \t]*=[ \t]*`[ \t]*(?:\r?\n|$)/i.test(dockerfile)
  const kept = dockerfile.replace(/^[ \t]*#.*(?:\r?\n|$)/gm, '')
  return kept.replace(isTick ? /`[ \t]*\r?\n(?:[ \t]*\r?\n)*/g : /\\[ \t]*\r?\n(?:[ \t]*\r?\n)*/g, '').split(/\r?\n/)
}

const isArg = (name: string) => name.toUpperCase() === 'ARG'

function assignments(name: string, rest: string): [string, string][] {
  const words = declaredWords(rest)
  if (!isArg(name) && words[0] !== undefined && !words[0].includes('='))
    return [[words[0], rest.trim().slice(words[0].length).trim()]] // ENV NAME value
  return words.map((word) => {
    const [key = '', ...value] = word.split('=')
    return [key, value.join('=').replace(/["']/g, '')]
  })
}

function expanded(text: string, values: ReadonlyMap<string, string>, depth = DEPTH): string {
  let left = MAX_CHARS
  const next = text.replace(/\$(?:(\w+)|\{(\w+)(?::?([-+])([^{}]*))?\})/g, (_, plain, name, sign, other) => {
    const value = values.get((plain ?? name) as string)
    const put = sign === '+' ? (value === undefined ? '' : (other as string)) : (value ?? (sign === '-' ? (other as string) : ''))
    return (left -= put.length) < 0 ? '' : put
  })
  return next === text || depth === 0 ? next : expanded(next, values, depth - 1)
}

/** Quotes and escapes go first: BuildKit's words have none. */
function hostsIn(words: string): string[] {
  const plain = words.replace(/["'\\`]/g, '')
  const urls = [...plain.matchAll(/\b(?:https?|git|ssh|ftp):\/+[^\s,]+/gi)].flatMap(([url]) => hostOf(url))
  const scp = [...plain.matchAll(/(?:^|[\s[,])[\w.-]+@([\w.-]+):/g)].map(([, host]) => host!)
  return [...urls, ...scp]
}

/** As a web address, whose grammar reads 0x7f000001 and 127.1 as what they are. */
function hostOf(url: string): string[] {
  const web = url.replace(/^[a-z]+:\/+/i, 'http://')
  return URL.canParse(web) ? [new URL(web).hostname.replace(/^\[|\]$/g, '')] : []
}
