import type { Duplex } from 'node:stream'
import type { Attached } from '../engine/port.ts'

const END_OF_TRANSMISSION = 0x04

/** The line by which `run -x` of the official CLI and our own learn how the process ended (PLATFORM-API.md §9). */
export const exitStatusLine = (code: number) => `\uFFFF heroku-command-exit-status: ${code}\r\n`

const ECHO = / ; echo "\uFFFF heroku-command-exit-status: \$\?"$/

/** Cuts off what `run -x` appends to ask for the status: we say it ourselves, so that `exit 3` and signals are told too. */
export function withoutEcho(command: string): { command: string; asked: boolean } {
  return { command: command.replace(ECHO, ''), asked: ECHO.test(command) }
}

/**
 * Joins a client's socket and a process, both ways, with back-pressure. Input ends with the client's half-close, or, where a client cannot
 * half-close and there is no terminal to do it (`endsAtEot`), at the first 0x04. Resolves when the process has closed its output.
 */
export function joinStreams(socket: Duplex, attached: Attached, { endsAtEot }: { endsAtEot: boolean }): Promise<void> {
  socket.on('data', (bytes: Buffer) => {
    const end = endsAtEot ? bytes.indexOf(END_OF_TRANSMISSION) : -1
    const input = end < 0 ? bytes : bytes.subarray(0, end)
    if (input.length > 0 && !attached.input.write(input)) {
      socket.pause()
      attached.input.once('drain', () => socket.resume())
    }
    if (end >= 0) attached.input.end()
  })
  socket.on('end', () => attached.input.end())
  socket.on('error', () => attached.close())
  attached.input.on('error', () => {}) // the process no longer reads: its exit tells the rest
  const outputs = [attached.output, ...(attached.errors ? [attached.errors] : [])]
  return Promise.all(
    outputs.map(
      (output) =>
        new Promise<void>((resolve) => {
          output
            .on('end', resolve)
            .on('close', resolve)
            .on('error', () => resolve())
          output.pipe(socket, { end: false })
        }),
    ),
  ).then(() => {})
}
