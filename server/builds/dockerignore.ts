import { createRequire } from 'node:module'

type Matcher = { add(rules: string): Matcher; ignores(path: string): boolean }
/** A CommonJS function whose types claim an ES default export. */
const dockerignore = createRequire(import.meta.url)('@balena/dockerignore') as (options: { ignorecase: boolean }) => Matcher

/** Whether a .dockerignore leaves a path out, by the engine's own rules (the last match wins, `!` brings back). */
export function ignoring(rules: string): (path: string) => boolean {
  const matcher = dockerignore({ ignorecase: false }).add(rules)
  return (path) => matcher.ignores(path)
}
