import { defineConfig } from 'vitest/config'

/** The rings of docs/testing: unit tests beside the code, and what needs a world below test/. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{server,router,cli,db,buildpacks}/**/*.test.ts', 'test/repo/**/*.test.ts', 'test/engine/fake.test.ts'],
        },
      },
      {
        test: {
          name: 'docker',
          include: ['test/docker/**/*.test.ts', 'test/engine/docker.test.ts', 'test/conformance/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts'],
          // Kills at every step boundary take long and run on their own: `npm run faults`.
          exclude: process.env.DOZEN_FAULTS ? [] : ['test/faults/{kills,engine}.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
