import { randomInt } from 'node:crypto'
import { invalid } from '../errors.ts'

const NAME = /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/
/** Names that would shadow a route of ours or mislead. */
const RESERVED = new Set([
  'git',
  'api',
  'admin',
  'www',
  'dozen',
  'static',
  'health',
  'localhost',
  'registry',
  'apps',
  'logs',
  'schema',
])

/** Returns `name` as it came, or throws invalid_params with the grammar. */
export function checkName(name: unknown): string {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalid(
      `${JSON.stringify(name)} is no app name: use 3 to 30 lower-case letters, digits and dashes, starting with a letter and not ending with a dash.`,
    )
  }
  if (RESERVED.has(name) || name.startsWith('xn--')) throw invalid(`The name ${name} is reserved. Choose another one.`)
  return name
}

const ADJECTIVES = [
  'calm',
  'bold',
  'warm',
  'quiet',
  'bright',
  'swift',
  'gentle',
  'lucky',
  'merry',
  'noble',
  'proud',
  'sunny',
  'vivid',
  'wise',
  'young',
  'clear',
]
const NOUNS = [
  'river',
  'forest',
  'meadow',
  'island',
  'harbor',
  'valley',
  'garden',
  'canyon',
  'lagoon',
  'summit',
  'prairie',
  'brook',
  'cliff',
  'dune',
  'grove',
  'reef',
]

/** "calm-river-4821" */
export const madeUpName = () =>
  `${ADJECTIVES[randomInt(ADJECTIVES.length)]}-${NOUNS[randomInt(NOUNS.length)]}-${randomInt(1000, 10_000)}`
