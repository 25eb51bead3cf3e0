import { spawn } from 'node:child_process'
import { run, until } from './programs.ts'

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

/**
 * A program on a real terminal of `columns` × `rows`, made by util-linux's `script`. `type` presses keys, `screen` is all that was shown,
 * `resize` changes the window, `ended` resolves with the exit status.
 */
export async function onTerminal(
  argv: readonly string[],
  { env, cwd, columns = 91, rows = 33 }: { env: NodeJS.ProcessEnv; cwd: string; columns?: number; rows?: number },
) {
  const line = `stty cols ${columns} rows ${rows}; tty; exec ${argv.map(quoted).join(' ')}`
  const child = spawn('script', ['--quiet', '--flush', '--return', '--command', line, '/dev/null'], { env, cwd })
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (screen += text))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const device = await until(() => /\/dev\/pts\/\d+/.exec(screen)?.[0], 10_000, 'the terminal has a name')
  return {
    ended,
    screen: () => screen,
    type: (keys: string) => void child.stdin.write(keys),
    resize: (toColumns: number, toRows: number) => run('stty', ['-F', device, 'cols', String(toColumns), 'rows', String(toRows)]),
    kill: () => void child.kill('SIGKILL'),
  }
}
