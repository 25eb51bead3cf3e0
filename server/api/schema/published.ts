import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The part of JSON hyper-schema (draft 4) that we read and write. */
export type Link = { href: string; method?: string; rel?: string; title?: string; targetSchema?: Json; [more: string]: unknown }
export type Definition = { links?: Link[]; properties?: Json; definitions?: Json; [more: string]: unknown }
export type Schema = { definitions: Record<string, Definition>; properties: Json; links: Link[]; [more: string]: unknown }
type Json = Record<string, unknown>

const FILE = 'server/api/schema/platform-api-schema.json'

/** Heroku's published schema (MIT, see the licence beside it), a new copy each time. */
export function published(): Schema {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, FILE))) folder = dirname(folder)
  return JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Schema
}

/** "/apps/{(%23…)}/dynos?x" and "/apps/:app/dynos" → "/apps/*\/dynos": what two spellings of one path have in common. */
export const pathOf = (href: string): string => href.replace(/\?.*$/, '').replace(/\{[^}]*\}|:[a-z_]+/g, '*')

/** "GET /apps/*": a link of the schema and a route of ours are the same when these are. */
export const keyOf = (method: string, href: string): string => `${method.toUpperCase()} ${pathOf(href)}`
