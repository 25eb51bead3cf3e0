import { readFileSync } from 'node:fs'

/** The version of the package that this file, bundled or not, is part of. */
export function version(): string {
  for (let up = './'; up.length < 20; up += '../') {
    try {
      const found = JSON.parse(readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8')) as {
        name: string
        version: string
      }
      if (found.name === 'dozen') return found.version
    } catch {
      // one folder up
    }
  }
  return '0.0.0'
}

/** `dozen/0.1.0 linux-x64 node-v20.20.2` */
export const versionLine = (): string => `dozen/${version()} ${process.platform}-${process.arch} node-${process.version}`
