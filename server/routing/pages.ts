import { invalid } from '../errors.ts'

/** Config vars with the address of a page of the app's own, as on Heroku, and when the router shows it. */
const PAGES = { ERROR_PAGE_URL: 'error', MAINTENANCE_PAGE_URL: 'maintenance' } as const
const MAX_LENGTH = 2_000

/** "https://…", "http://…" or "//…": the browser fetches it, so that nothing else can be meant. */
const isPage = (text: string) =>
  /^(https?:)?\/\/[^\s"'<>\\^`{|}\x00-\x1f\x7f]+$/i.test(text) &&
  text.length <= MAX_LENGTH &&
  URL.canParse(text, 'https://localhost')

/** Throws invalid_params when a config var of this name could not be shown. "" is none. */
export function checkPage(key: string, value: string): void {
  if (!Object.hasOwn(PAGES, key) || value === '' || isPage(value)) return
  throw invalid(`${key} should be the address of a page, such as https://example.com/page.html.`)
}

type Ledger = {
  current(appId: string): { version: number } | undefined
  config(appId: string, version: number): Record<string, string>
}

/** The pages of each app by its current release's config, which is read once per release. */
export function pages({ current, config }: Ledger) {
  const known = new Map<string, { version: number; found: { error?: string; maintenance?: string } | undefined }>()

  function read(appId: string, version: number) {
    const vars = config(appId, version)
    const found = Object.entries(PAGES).flatMap(([key, name]) => (isPage(vars[key] ?? '') ? [[name, vars[key]!] as const] : []))
    return found.length > 0 ? Object.fromEntries(found) : undefined
  }

  return {
    of(appId: string) {
      const version = current(appId)?.version
      if (version === undefined) return undefined
      const before = known.get(appId)
      if (before?.version === version) return before.found
      const found = read(appId, version)
      known.set(appId, { version, found })
      return found
    },
  }
}
