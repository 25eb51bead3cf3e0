// The two steps of the Dockerfile: dependencies (cached while the lockfile stays), then the build without what only it needs.
import { ensureBuilt } from '../build.mjs'
import { ensureDependencies, ensureNative } from './dependencies.mjs'
import { run } from './programs.mjs'
import { explain, step, StepFailed } from './steps.mjs'

async function prune(progress) {
  const { code, lines } = await run('npm', ['prune', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], {
    onLine: progress,
  })
  if (code !== 0) throw new StepFailed('npm could not remove the packages that only the build needs.', lines)
}

try {
  if (process.argv[2] === 'dependencies') {
    await step('dependencies', ensureDependencies)
    await step('native module', ensureNative)
  } else {
    await step('build', ensureBuilt)
    await step('prune', prune)
  }
} catch (error) {
  explain(error)
  process.exitCode = 1
}
