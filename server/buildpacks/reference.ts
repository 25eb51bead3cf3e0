import { invalid } from '../errors.ts'

/** dozen's own; each answers to Heroku's name for the same language. */
export const OURS = ['nodejs', 'python', 'ruby', 'go', 'static', 'procfile', 'inline', 'multi'] as const
type Ours = (typeof OURS)[number]

/** A buildpack as somebody named it. */
export type Reference = { kind: 'ours'; name: Ours } | { kind: 'git'; url: string; ref: string | undefined; isLocal: boolean }

const MAX_CHARS = 500
const REF = /^(?!.*\.\.)(?![-/.])[A-Za-z0-9._/+-]{1,200}$/
/** Heroku's own ways to write `heroku/nodejs`. */
const NAMED =
  /^(?:urn:buildpack:)?(?:heroku|heroku-community|dozen)\/([a-z-]+)$|^https:\/\/buildpack-registry\.s3\.amazonaws\.com\/buildpacks\/heroku(?:-community)?\/([a-z-]+)\.tgz$|^([a-z]+)$/

/**
 * A name of ours (`nodejs`, `heroku/nodejs`), or a git repository: `https://…`, `file:///…` or an absolute path, each with `#branch`, `#tag` or
 * `#commit` if need be. Throws invalid_params with what would do.
 */
export function parseReference(text: string): Reference {
  const named = NAMED.exec(text)
  const name = named && (named[1] ?? named[2] ?? named[3])
  if (name) {
    const ours = OURS.find((one) => one === name)
    if (ours) return { kind: 'ours', name: ours }
    throw invalid(`There is no buildpack ${JSON.stringify(text)} here. dozen's own are ${OURS.join(', ')}; any other is named by the URL of its git repository.`) // prettier-ignore
  }
  const [address = '', ref, ...more] = text.split('#')
  const isLocal = address.startsWith('/') || address.startsWith('file:///')
  if (text.length > MAX_CHARS || /[\s\0-\x1f\x7f]/.test(text) || more.length > 0 || !(isLocal || isWebAddress(address))) {
    throw invalid(`${JSON.stringify(text.slice(0, 100))} is no buildpack: give a name (${OURS.join(', ')}) or a git repository such as https://host/name.git#v2.`) // prettier-ignore
  }
  if (ref !== undefined && !REF.test(ref)) throw invalid(`${JSON.stringify(ref)} is no branch, tag or commit.`)
  return { kind: 'git', url: address, ref, isLocal }
}

function isWebAddress(address: string): boolean {
  if (!/^https?:\/\//.test(address) || !URL.canParse(address)) return false
  const { username, password, hostname } = new URL(address)
  if (username || password)
    throw invalid('A buildpack URL must not hold a user name or password: it is shown to everybody who sees the app.')
  return hostname !== ''
}

/** As it is kept and shown: one spelling for each of ours. */
export const canonical = (reference: Reference) =>
  reference.kind === 'ours'
    ? `heroku/${reference.name}`
    : reference.url + (reference.ref === undefined ? '' : `#${reference.ref}`)
