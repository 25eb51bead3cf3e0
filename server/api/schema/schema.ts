import type { Route } from '../route.ts'
import { OWN } from './own.ts'
import { keyOf, published, type Definition, type Schema } from './published.ts'

/** Fields whose published description fits only Heroku's own hosts. */
function loosen({ definitions }: Schema) {
  const field = (name: string, key: string) => definitions[name]!.definitions![key] as Record<string, unknown>
  delete field('app', 'git_url')['pattern']
  delete field('app', 'web_url')['pattern']
  delete field('domain', 'hostname')['format'] // it says "uri", which a host name is not
}

/** Names that a piece of schema refers to. */
const mentioned = (piece: unknown): string[] =>
  [...JSON.stringify(piece).matchAll(/"#\/definitions\/([\w-]+)/g)].map(([, name]) => name!)

/** `wanted` and all that they refer to. */
function closure(definitions: Record<string, Definition>, wanted: readonly string[]): Set<string> {
  const found = new Set<string>()
  const open = [...wanted]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name) || !definitions[name]) continue
    found.add(name)
    open.push(...mentioned({ ...definitions[name] }))
  }
  return found
}

/** What `GET /schema` serves: Heroku's published schema cut down to the links that are routed here, and dozen's own resources. */
export function schemaOf(routes: readonly Pick<Route, 'method' | 'path'>[]): Schema {
  const whole = published()
  loosen(whole)
  const routed = new Set(routes.map(({ method, path }) => keyOf(method, path)))
  const all: Record<string, Definition> = { ...whole.definitions, ...structuredClone(OWN) }
  for (const definition of Object.values(all))
    definition.links = (definition.links ?? []).filter(({ method = 'GET', href }) => routed.has(keyOf(method, href)))
  const linked = Object.keys(all).filter((name) => all[name]!.links!.length > 0)
  const kept = closure(all, linked)
  return {
    ...whole,
    title: 'dozen Platform API',
    description:
      "The links of Heroku's Platform API that this dozen answers, and its own. The published schema is Heroku's, under the MIT licence.",
    links: [{ href: '/schema', method: 'GET', rel: 'self', title: 'Schema', targetSchema: { additionalProperties: true } }],
    definitions: Object.fromEntries(Object.entries(all).filter(([name]) => kept.has(name))),
    properties: Object.fromEntries([...kept].map((name) => [name, { $ref: `#/definitions/${name}` }])),
  }
}
