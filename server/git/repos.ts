import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Settings that no pushed content and no file of the host can change: they come with each call. */
export const GIT_SETTINGS = [
  'receive.fsckObjects=true',
  'receive.denyDeletes=true',
  'receive.denyNonFastForwards=false',
  'receive.autogc=false',
  'receive.advertisePushOptions=false',
  'uploadpack.allowFilter=false',
  'protocol.allow=never',
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
})

type Deps = { folder: string; hooksFolder: string; hookProgram: string; path: string | undefined }

/** The bare repositories of the apps, one `<app id>.git` each, and the one hook that all of them share and no pusher controls. */
export function repos({ folder, hooksFolder, hookProgram, path }: Deps) {
  mkdirSync(hooksFolder, { recursive: true, mode: 0o700 })
  const hook = join(hooksFolder, 'pre-receive')
  writeFileSync(hook, `#!/bin/sh\nexec '${quoted(process.execPath)}' '${quoted(hookProgram)}'\n`)
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

const quoted = (file: string) => file.replaceAll("'", `'\\''`)
