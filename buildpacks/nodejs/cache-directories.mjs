// `cacheDirectories` of package.json, as with Heroku's buildpack: folders of the app that are kept from build to build.
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { step, warn } from './tell.mjs'

/** Relative to the app's folder and inside it; node_modules is kept otherwise. */
function named({ heroku, cacheDirectories = heroku?.cacheDirectories }) {
  const texts = Array.isArray(cacheDirectories) ? cacheDirectories.filter((name) => typeof name === 'string') : []
  const names = texts.map((text) => normalize(`./${text}`).replace(/\/$/, ''))
  const isInside = (name) => name !== '.' && !/^\.\.(\/|$)/.test(name)
  for (const name of names.filter((one) => !isInside(one)))
    warn(`cacheDirectories of package.json names ${name}, which is no folder inside the app: it is left out.`)
  return names.filter((name) => isInside(name) && name !== 'node_modules')
}

function copy(from, to) {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
}

/** Restores what the former build kept, but never over what is committed, and returns what keeps it for the next. */
export function restoreDirectories(manifest, cache) {
  const names = named(manifest)
  const folder = join(cache, 'directories')
  const found = names.filter((name) => existsSync(join(folder, name)) && !existsSync(name))
  for (const name of found) copy(join(folder, name), name)
  if (found.length > 0) step(`Restoring ${found.join(', ')}`)
  return () => {
    rmSync(folder, { recursive: true, force: true })
    if (names.length > 0) mkdirSync(folder, { recursive: true })
    for (const name of names) if (existsSync(name)) copy(name, join(folder, name))
  }
}
