import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { routes } from '../../server/api/api.ts'
import { OWN } from '../../server/api/schema/own.ts'
import { keyOf, published } from '../../server/api/schema/published.ts'
import { ROOT } from '../support/programs.ts'

const PAGE = join(ROOT, 'docs/heroku.md')
const HEADING = '## Every link of the Platform API\n'
const anything: object = new Proxy(() => {}, { get: (_, key) => (key === Symbol.toPrimitive ? () => '' : anything) })

/** Links that are routed and yet not all of what Heroku's do, by the beginning of their key. */
const PARTLY: readonly (readonly [key: string, why: string])[] = [
  ['POST /apps/*/addons', 'there are no services: refused with what to do instead'],
  ['POST /addon-attachments', 'there are no services'],
  ['POST /teams/apps', 'without a team or space only'],
  ['POST /pipelines/*/review-app-config', 'no code host is connected: refused'],
  ['PATCH /pipelines/*/review-app-config', 'never there'],
  ['DELETE /pipelines/*/review-app-config', 'never there'],
  ['GET /pipelines/*/review-app-config', 'never there'],
  ['POST /review-apps', 'refused with what to do instead'],
  ['DELETE /review-apps/*', 'never there'],
  ['GET /review-apps/*', 'never there'],
  ['GET /apps/*/review-app', 'never there'],
  ['PATCH /account/app-transfers/*', 'a transfer is accepted as it is made'],
  ['DELETE /account/app-transfers/*', 'a transfer is accepted as it is made'],
  ['PATCH /apps/*/features/*', 'preboot, which is always on'],
  ['PATCH /account/features/*', 'there are none'],
  ['GET /account/features/*', 'there are none'],
  ['PATCH /apps/*/domains/*', 'the newest certificate that names the host is used'],
  ['PATCH /apps/*/formation', 'one size'],
  ['PATCH /addons/*', 'there are no services'],
  ['PATCH /apps/*/addons/*', 'there are no services'],
  ['DELETE /apps/*/addons/*', 'there are no services'],
  ['DELETE /addon-attachments/*', 'there are no services'],
  ['PUT /addons/*', 'there are no services'],
  ['GET /addon', 'the shape: there are no services'],
  ['GET /plans/', 'the shape: there are no services'],
  ['GET /apps/*/addon', 'the shape: there are no services'],
  ['GET /users/*/addons', 'the shape: there are no services'],
  ['GET /regions/*/addon', 'the shape: there are no services'],
  ['POST /actions/add', 'the shape: there are no services'],
  ['GET /teams', 'always empty'],
  ['GET /spaces', 'always empty'],
  ['GET /pipelines/*/review-apps', 'always empty'],
]

/** The resources that issue by issue were promised: each of their links is routed. */
const PROMISED = [
  'account', 'account-feature', 'add-on', 'add-on-attachment', 'add-on-service', 'app', 'app-feature', 'app-transfer', 'app-webhook', 'app-webhook-delivery',
  'app-webhook-event', 'build', 'buildpack-installation', 'collaborator', 'config-var', 'domain', 'dyno', 'dyno-size', 'filter-apps', 'formation', 'key', 'log-drain',
  'log-session', 'oauth-authorization', 'pipeline', 'pipeline-coupling', 'pipeline-promotion', 'pipeline-promotion-target', 'plan', 'rate-limit', 'region', 'release',
  'review-app', 'review-app-config', 'slug', 'sni-endpoint', 'source', 'stack',
] // prettier-ignore
/** Of those, what is another account's or a team's to ask: there are no teams. */
const OF_TEAMS = /^\/teams\//

const routed = new Set(routes(anything as never).map(({ method, path }) => keyOf(method, path)))
const links = Object.entries(published().definitions).flatMap(([resource, { links: all = [] }]) =>
  all.map(({ method = 'GET', href, title = '' }) => ({ resource, title, key: keyOf(method, href), path: keyOf(method, href).split(' ')[1]! })),
) // prettier-ignore

function verdict(key: string): string {
  if (!routed.has(key)) return 'no'
  const why = PARTLY.find(([beginning]) => key.startsWith(beginning))?.[1]
  return why ? `partly: ${why}` : 'yes'
}

it('docs/heroku.md says of every published link whether it is routed; `npx vitest run --project unit test/repo/heroku-links -u` writes it', async () => {
  const page = readFileSync(PAGE, 'utf8')
  const head = page.slice(0, page.indexOf(HEADING))
  expect(page).toContain(HEADING)
  const rows = links.map(({ resource, title, key }) => `| ${resource} | ${title} | \`${key}\` | ${verdict(key)} |`)
  const count = (word: string) => rows.filter((row) => row.includes(`| ${word}`)).length
  const words = `${rows.length} links: ${count('yes')} yes, ${count('partly')} partly, ${count('no |')} no (404 and a sentence). dozen's own resources (${Object.keys(OWN).length}) are in \`GET /schema\`.`
  const text = `${head}${HEADING}\n${words}\n\n| resource | link | route | here |\n|---|---|---|---|\n${rows.join('\n')}\n`
  await expect(text).toMatchFileSnapshot(PAGE)
})

it('routes every link of the resources that are promised', () => {
  const missing = links.filter(
    ({ resource, key, path }) => PROMISED.includes(resource) && !OF_TEAMS.test(path) && !routed.has(key),
  )
  expect(missing.map(({ key }) => key)).toEqual([])
})
