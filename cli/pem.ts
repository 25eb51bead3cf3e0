import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from './errors.ts'

function pem(cwd: string, path: string, kind: RegExp): string {
  let text = ''
  try {
    text = readFileSync(resolve(cwd, path), 'utf8')
  } catch (cause) {
    throw new CliError(`${path} cannot be read.`, { cause })
  }
  if (!kind.test(text))
    throw new CliError(
      `${path} is not what it should be: a PEM file of ${kind.source.includes('KEY') ? 'a private key' : 'certificates'}.`,
    )
  return text
}

/** The two PEM files as the API takes them. Throws CliError when one is missing or is something else. */
export const certificateFiles = (cwd: string, chain: string, key: string) => ({
  certificate_chain: pem(cwd, chain, /-----BEGIN CERTIFICATE-----/),
  private_key: pem(cwd, key, /-----BEGIN [A-Z ]*PRIVATE KEY-----/),
})
