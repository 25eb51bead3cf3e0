import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { AppError } from '../errors.ts'

const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
const SOURCES = '/etc/apt/sources.list.d'

/** Runs a program of the host with an argument array; resolves with its output, rejects with the end of its errors. */
export async function program(file: string, args: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exitOf(child)])
  if (code !== 0) throw new Error(`${file} ${args[0] ?? ''} failed: ${errors.trim().split('\n').slice(-3).join(' ')}`)
  return output.trim()
}

const exitOf = (child: ReturnType<typeof spawn>) =>
  new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))

/** Certificates that the host trusts: builds trust them too, so that they work behind a company proxy. */
export const hostCertificates = () => (existsSync(CA_BUNDLE) ? readFileSync(CA_BUNDLE) : undefined)

/** Where the host itself gets Debian packages, from its own apt settings: "http://host/debian" and its security twin. */
export function debianMirrors(): { main: string | undefined; security: string | undefined } {
  const files = [
    join('/etc/apt', 'sources.list'),
    ...(existsSync(SOURCES) ? readdirSync(SOURCES).map((name) => join(SOURCES, name)) : []),
  ]
  const lines = files.filter(existsSync).flatMap((file) => readFileSync(file, 'utf8').split('\n'))
  const words = lines.filter((line) => !line.trim().startsWith('#')).flatMap((line) => line.split(/\s+/))
  return {
    main: words.find((word) => /^https?:\/\/\S+\/debian\/?$/.test(word)),
    security: words.find((word) => /^https?:\/\/\S+\/debian-security\/?$/.test(word)),
  }
}

/** A minimal Debian root file system as a tar stream. Throws when no Debian mirror or no mmdebstrap is there. */
export function bootstrap(release: string, onLine: (line: string) => void): { tar: Readable; done: Promise<void> } {
  const { main: mirror } = debianMirrors()
  const args = ['--variant=minbase', '--quiet', release, '-', ...(mirror ? [mirror] : [])]
  const child = spawn('mmdebstrap', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stderr.on('data', (bytes: Buffer) => onLine(bytes.toString().trim()))
  const done = exitOf(child).then(
    (code) => {
      if (code !== 0)
        throw new AppError(
          'unavailable',
          'mmdebstrap could not make the base image: is a Debian mirror reachable? Try again when it is.',
        )
    },
    () => {
      throw new AppError(
        'unavailable',
        'The base image could not be pulled, and mmdebstrap is not installed: `apt-get install mmdebstrap`, then start again.',
      )
    },
  )
  return { tar: child.stdout, done }
}

/** The npm packages of Node.js and npm as tarballs, from the registry that the host's npm is set to. */
export async function nodePackages(specs: readonly string[]): Promise<Buffer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-node-'))
  try {
    const packs = await Promise.all(
      specs.map((spec) => program('npm', ['pack', '--silent', '--pack-destination', folder, spec], { cwd: folder })),
    )
    return packs.map((name) => readFileSync(join(folder, name.split('\n').at(-1)!)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

let registry: Promise<string | undefined> | undefined

/** The host's npm registry, undefined when npm is not there. Asked once: npm takes longer to start than a small build takes. */
export const npmRegistry = () => (registry ??= program('npm', ['config', 'get', 'registry']).catch(() => undefined))
