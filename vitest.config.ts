import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { defineConfig } from 'vitest/config'

/** The longest first, so that none of them runs on alone at the end. */
const SLOW = ['compose', 'heroku-cli', 'deploy', 'processes', 'builds', 'survival']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = SLOW.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`))
      return found < 0 ? SLOW.length : found
    }
    return [...files].sort((a, b) => rank(a) - rank(b))
  }
}

/**
 * Tests that need a world mostly wait for its processes: two at a time, which two cores bear. After the unit tests, which need the cores.
 * One that fails runs once more, since a machine that others load tells otherwise nothing; `npm test` names those that passed only then.
 */
const worlds = { maxWorkers: 2, sequence: { groupOrder: 1 }, retry: process.env.DOZEN_FAULTS ? 0 : 1 }

/** The rings of docs/testing: unit tests beside the code, and what needs a world below test/. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{server,router,cli,db,buildpacks}/**/*.test.ts', 'test/repo/**/*.test.ts', 'test/engine/fake.test.ts'],
          testTimeout: 30_000, // of a machine that is busy with other things
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'docker',
          include: ['test/docker/**/*.test.ts', 'test/engine/docker.test.ts', 'test/conformance/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          ...worlds,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts'],
          setupFiles: process.env.DOZEN_FAULTS ? ['test/faults/pieces.ts'] : [],
          // Kills at every step boundary take long and run on their own: `npm run faults`.
          exclude: process.env.DOZEN_FAULTS
            ? []
            : ['test/faults/{kills,engine,daemon,disk-and-clock,certificates,pushes,builds}.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          ...worlds,
        },
      },
    ],
  },
})
