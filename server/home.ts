import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The state folder and the small files in it that others read. */
export function home(folder: string) {
  for (const name of ['', 'repos', 'logs', 'router', 'certs']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const path = (name: string) => join(folder, name)

  return {
    path,
    database: path('dozen.db'),
    read: (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8').trim() : undefined),
    /** Whole or not at all: a reader never sees half of it. */
    write(name: string, text: string, mode = 0o600) {
      const temporary = path(`${name}.${process.pid}.tmp`)
      writeFileSync(temporary, `${text}\n`, { mode })
      renameSync(temporary, path(name))
    },
    remove: (name: string) => rmSync(path(name), { force: true }),
  }
}
export type Home = ReturnType<typeof home>
