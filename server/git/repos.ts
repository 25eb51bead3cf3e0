import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PERL_HOOK } from './hook/script.ts'

/** Settings that no pushed content and no file of the host can change: they come with each call. */
export const GIT_SETTINGS = [
  'transfer.fsckObjects=true', // with --strict, so that warnings (a ".git" in a tree) refuse too
  'receive.fsckObjects=true',
  'receive.denyDeletes=true',
  'receive.denyNonFastForwards=false',
  'receive.autogc=false',
  'receive.advertisePushOptions=false',
  'uploadpack.allowFilter=false',
  'protocol.allow=never',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'core.symlinks=false',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.pager=cat',
  'pack.threads=1', // memory is per thread
  'pack.windowMemory=64m',
  'core.deltaBaseCacheLimit=64m',
  'core.fsyncMethod=batch',
  'gc.auto=0',
].flatMap((setting) => ['-c', setting])

/** An environment with nothing of ours in it but what git needs. */
export const gitEnvironment = (path: string | undefined) => ({
  PATH: path ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ALLOW_PROTOCOL: '',
  GIT_ATTR_NOSYSTEM: '1',
  LC_ALL: 'C',
})

type Deps = {
  folder: string
  hooksFolder: string
  /** The hook for Node.js, where Perl is not there. */
  hookProgram: string
  path: string | undefined
  hasPerl?: () => boolean
}

const isPerlThere = () => spawnSync('/usr/bin/perl', ['-MSocket', '-e', '1']).status === 0

/** The bare repositories of the apps, one `<app id>.git` each, and the one hook that all of them share and no pusher controls. */
export function repos({ folder, hooksFolder, hookProgram, path, hasPerl = isPerlThere }: Deps) {
  mkdirSync(hooksFolder, { recursive: true, mode: 0o700 })
  const hook = join(hooksFolder, 'pre-receive')
  writeFileSync(hook, hasPerl() ? PERL_HOOK : `#!/bin/sh\nexec '${quoted(process.execPath)}' '${quoted(hookProgram)}'\n`)
  chmodSync(hook, 0o700)

  return {
    pathOf: (appId: string) => join(folder, `${appId}.git`),
    create(appId: string) {
      const repo = join(folder, `${appId}.git`)
      const made = spawnSync('git', ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', '--', repo], {
        env: gitEnvironment(path),
      })
      if (made.status !== 0) throw new Error(`git init failed: ${made.stderr?.toString() ?? made.error?.message}`)
      mkdirSync(join(repo, 'info'), { recursive: true })
      writeFileSync(join(repo, 'info', 'attributes'), '* -export-ignore -export-subst\n') // the tree is built as it was committed
    },
    /** Packs what many pushes left into one, and drops what nothing leads to; only where there is much of it. Rejects when git does. */
    async pack(appId: string): Promise<void> {
      const repo = join(folder, `${appId}.git`)
      if (!existsSync(repo) || !isScattered(join(repo, 'objects'))) return
      const settings = ['-c', `safe.directory=${repo}`, '-c', 'pack.threads=1', '-c', 'gc.autoDetach=false']
      const args = [...settings, '--git-dir', repo, 'gc', '--quiet', '--prune=1.hour.ago'] // a push may be under way
      const child = spawn('git', args, { env: gitEnvironment(path), stdio: ['ignore', 'ignore', 'ignore'] })
      const status = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
      if (status !== 0) throw new Error(`git gc ended with status ${status} in ${repo}`)
    },
    /** Quarantined objects of pushes that a kill interrupted. */
    sweep() {
      for (const repo of existsSync(folder) ? readdirSync(folder) : []) {
        const objects = join(folder, repo, 'objects')
        for (const name of existsSync(objects) ? readdirSync(objects) : []) {
          if (/^(tmp_objdir-)?incoming-/.test(name)) rmSync(join(objects, name), { recursive: true, force: true })
        }
      }
    },
  }
}

const MAX_PACKS = 20
/** Of one of the 256 folders of loose objects: git's own estimate of 6,700 (git-gc, gc.auto). */
const MAX_LOOSE = 26

function isScattered(objects: string): boolean {
  const count = (name: string, end: string) => {
    const inside = join(objects, name)
    return existsSync(inside) ? readdirSync(inside).filter((file) => file.endsWith(end)).length : 0
  }
  return count('pack', '.pack') > MAX_PACKS || count('17', '') > MAX_LOOSE
}

const quoted = (file: string) => file.replaceAll("'", `'\\''`)
