import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SHELF = join(homedir(), '.cache', 'dozen')
const CLI = 'heroku@11.10.0'
const folderOf = (name: string) => join(SHELF, name.replaceAll('@', '-'))

/** Holds `heroku`, for git's credential helper. */
export const OFFICIAL_BIN = join(folderOf(CLI), 'node_modules', '.bin')
/** Heroku's own CLI, to be run with Node.js. At 395 MB it is no dependency of ours (PLATFORM-API.md §1). */
export const OFFICIAL_CLI = join(folderOf(CLI), 'node_modules', 'heroku', 'bin', 'run.js')

export const installOfficialCli = (): Promise<string> => installed(CLI, [CLI])

/**
 * The folder that has these packages in its `node_modules`, installed once, outside the checkout. Whole or not at all: made beside its
 * place and renamed, since two runs may install it at once, or one may be killed half-way.
 */
export async function installed(name: string, packages: readonly string[]): Promise<string> {
  const folder = folderOf(name)
  const isThere = () => existsSync(join(folder, 'node_modules'))
  if (isThere()) return folder
  mkdirSync(SHELF, { recursive: true })
  const fresh = mkdtempSync(`${folder}-`)
  try {
    const args = ['install', ...packages, '--prefix', fresh, '--ignore-scripts', '--no-audit', '--no-fund']
    await promisify(execFile)('npm', args, { maxBuffer: 64 * 1024 * 1024 })
    if (isThere()) return folder // another run was faster
    rmSync(folder, { recursive: true, force: true })
    renameSync(fresh, folder)
    return folder
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}
