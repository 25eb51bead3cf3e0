import type { Readable } from 'node:stream'
import type { Streams } from './context.ts'
import { ExitStatus } from './errors.ts'

export async function wholeInput(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Buffer | string))
  return Buffer.concat(chunks).toString('utf8')
}

/** Asks for a line on stderr and reads it from the terminal. */
export function line({ stdin, stderr }: Streams, question: string): Promise<string> {
  stderr.write(question)
  return new Promise((resolve) => {
    let typed = ''
    const finish = () => {
      stdin.off('data', hear).off('end', finish).pause()
      resolve(typed.split(/[\r\n]/)[0] ?? '')
    }
    const hear = (chunk: Buffer | string) => {
      typed += chunk.toString()
      if (/[\r\n]/.test(typed)) finish()
    }
    stdin.on('data', hear).on('end', finish).resume()
  })
}

/** As `line`, but nothing of it shows. Throws ExitStatus 130 on Ctrl-C. */
export async function secretLine(streams: Streams, question: string): Promise<string> {
  const { stdin, stderr } = streams
  stderr.write(question)
  stdin.setRawMode?.(true)
  try {
    return await new Promise<string>((resolve, reject) => {
      let typed = ''
      stdin.on('data', function hear(chunk: Buffer | string) {
        for (const character of chunk.toString()) {
          const isEnd = /[\r\n\x04]/.test(character)
          if (isEnd || character === '\x03') stdin.off('data', hear)
          if (isEnd) return resolve(typed)
          if (character === '\x03') return reject(new ExitStatus(130))
          typed = /[\x7f\b]/.test(character) ? typed.slice(0, -1) : typed + character
        }
      })
      stdin.resume()
    })
  } finally {
    stdin.setRawMode?.(false)
    stdin.pause()
    stderr.write('\n')
  }
}
