const MIN_CHARS = 8
/** Words such as "production" and "heroku/nodejs-api" that a log would be unreadable without. */
const PLAIN = /^[a-z]+([-_./:][a-z]+)*$/
/** Where packages come from: installers print it, and it hides nothing unless it holds a password. */
const INDEX = /(_INDEX_URL|_REGISTRY|_FIND_LINKS|_PROXY|_MIRROR)$/i
const hasPassword = (value: string) => /:\/\/[^/\s]*@/.test(value)

/**
 * Takes the values of config vars out of a line that a build prints: `env` in a buildpack's script is enough to have them there. Values of
 * fewer than 8 characters, plain lower-case words and addresses of package indexes stay.
 */
export function masked(config: Readonly<Record<string, string>>): (line: string) => string {
  const secrets = Object.entries(config)
    .filter(([name, value]) => !INDEX.test(name) || hasPassword(value))
    .flatMap(([, value]) => value.split(/\r?\n/))
    .map((text) => text.trim())
    .filter((text) => text.length >= MIN_CHARS && !PLAIN.test(text))
    .toSorted((a, b) => b.length - a.length)
  return (line) => secrets.reduce((all, secret) => all.replaceAll(secret, '[redacted]'), line)
}
