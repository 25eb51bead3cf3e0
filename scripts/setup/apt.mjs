// Debian packages, where we may install them.
import { run, which } from './programs.mjs'

export const canInstall = () => process.getuid?.() === 0 && which('apt-get') !== undefined

let last = Promise.resolve(true)

/**
 * Installs packages without a question; one call at a time. Resolves with false when we are not root or have no apt, or when it
 * failed; `onFailure` then gets the last lines.
 */
export function install(packages, progress, onFailure = () => {}) {
  last = last.then(async () => {
    if (!canInstall()) return false
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'a', LC_ALL: 'C.UTF-8' }
    const apt = (...args) => run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-qy', ...args], { env, onLine: progress })
    await apt('update')
    const { code, lines } = await apt('install', '--no-install-recommends', ...packages)
    if (code !== 0) onFailure(lines)
    return code === 0
  })
  return last
}
