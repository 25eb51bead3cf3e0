// Programs that only tests need, and the Debian packages that have them. Tests that need one fail, or are skipped, where it cannot be had.
import { install } from './apt.mjs'
import { which } from './programs.mjs'
import { step } from './steps.mjs'

const PACKAGES = {
  'docker-compose': ['docker-compose'],
  pebble: ['pebble'],
  strace: ['strace'],
  rsyslogd: ['rsyslog', 'rsyslog-gnutls'],
  zsh: ['zsh'],
  fish: ['fish'],
}
/** What the fault matrix needs besides. */
const FAULT_PACKAGES = { faketime: ['faketime'] }

export async function testPrograms({ withFaults = false } = {}) {
  for (const [program, packages] of Object.entries({ ...PACKAGES, ...(withFaults && FAULT_PACKAGES) }))
    await step(program, (progress) => ensure(program, packages, progress))
}

async function ensure(program, packages, progress) {
  if (which(program)) return 'already there'
  return (await install(packages, progress)) ? 'installed' : `missing: \`apt-get install ${packages.join(' ')}\` has it`
}
