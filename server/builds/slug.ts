import type { Readable } from 'node:stream'
import { invalid } from '../errors.ts'
import { parseProcfile } from './procfile.ts'
import { changedNames } from './spool.ts'

const FOLDER = 'app/'

/** The Procfile that says what a slug's process types say. Throws invalid_params. */
export function procfileOf(processTypes: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(processTypes).map(([type, command]) => {
    if (typeof command !== 'string' || command.trim() === '' || /[\r\n\0]/.test(command))
      throw invalid(`process_types.${type} should be a command in one line, like {"web":"./server"}.`)
    return `${type}: ${command}\n`
  })
  if (lines.length === 0) throw invalid('process_types should name a command at least, like {"web":"./server"}.')
  const procfile = lines.join('')
  parseProcfile(procfile)
  return procfile
}

/** The source tree of a slug: what its archive holds below ./app, with the Procfile of its process types. */
export function slugTree(tar: Readable, procfile: string): Readable {
  let isEmpty = true
  const named = (name: string) => {
    if (!name.startsWith(FOLDER)) return undefined
    isEmpty = false
    return name === `${FOLDER}Procfile` ? undefined : name.slice(FOLDER.length)
  }
  return changedNames(tar, named, () => {
    if (isEmpty)
      throw invalid('The archive of the slug holds nothing below ./app, where the app should be: `tar czf slug.tgz ./app`.')
    return [{ name: 'Procfile', content: procfile }]
  })
}
