import type { Duplex, Readable } from 'node:stream'
import type { Attached } from '../engine/port.ts'

const END_OF_TRANSMISSION = 0x04

/** The line by which `run -x` of the official CLI and our own learn how the process ended (PLATFORM-API.md §9). */
export const exitStatusLine = (code: number) => `\uFFFF heroku-command-exit-status: ${code}\r\n`

const ECHO = / ; echo "\uFFFF heroku-command-exit-status: \$\?"$/

/** Cuts off what `run -x` appends to ask for the status: we say it ourselves, so that `exit 3` and signals are told too. */
export function withoutEcho(command: string): { command: string; asked: boolean } {
  return { command: command.replace(ECHO, ''), asked: ECHO.test(command) }
}

/** `outputEnded` resolves when the process has closed its output; `endInputAfter` closes its input once that many bytes of it have come. */
export type Joined = { outputEnded: Promise<void>; endInputAfter: (bytes: number) => void }

/**
 * Joins a client's socket and a process, both ways, with back-pressure. A socket that ends is a client that is gone: its input's end it says
 * elsewhere, by `endInputAfter`, or, where it cannot and there is no terminal to do it (`endsAtEot`), with the first 0x04.
 */
export function joinStreams(socket: Duplex, attached: Attached, { endsAtEot }: { endsAtEot: boolean }): Joined {
  let received = 0
  let endsAfter = Infinity
  const endIfDue = () => void (received >= endsAfter && attached.input.end())
  socket.on('data', (bytes: Buffer) => {
    const end = endsAtEot ? bytes.indexOf(END_OF_TRANSMISSION) : -1
    const input = end < 0 ? bytes : bytes.subarray(0, end)
    received += input.length
    if (end >= 0) endsAfter = received
    if (input.length > 0 && !attached.input.write(input)) {
      socket.pause()
      attached.input.once('drain', () => socket.resume())
    }
    endIfDue()
  })
  socket.on('end', () => socket.destroy())
  socket.on('error', () => attached.close())
  attached.input.on('error', () => {}) // the process no longer reads: its exit tells the rest
  const outputs = [attached.output, ...(attached.errors ? [attached.errors] : [])]
  return {
    outputEnded: Promise.all(outputs.map((output) => passedOn(output, socket))).then(() => {}),
    endInputAfter(bytes) {
      endsAfter = bytes
      endIfDue()
    },
  }
}

const passedOn = (output: Readable, socket: Duplex) =>
  new Promise<void>((resolve) => {
    output
      .on('end', resolve)
      .on('close', resolve)
      .on('error', () => resolve())
    output.pipe(socket, { end: false })
  })
