import type { Context } from './context.ts'
import { safe, type Style, styled } from './terminal.ts'

type Screen = Pick<Context, 'terminal' | 'env'>

const DYNO_STYLES: Style[] = ['cyan', 'yellow', 'green', 'magenta', 'blue']
const PLATFORM = /^(router|api|build)$/

/** The same screen, for who wants no colours on it. */
export const withoutColor = ({ terminal, env }: Screen): Screen => ({
  terminal: { ...terminal, isColored: false },
  env: { ...env, NO_COLOR: '1' },
})

/** "2026-… app[web.1]: text" → the same in its dyno's colour, without what could move the cursor or change the terminal. */
export function colored({ terminal, env }: Screen, line: string): string {
  const clean = safe(line, { keepColors: !env.NO_COLOR })
  if (!terminal.isColored) return clean
  const match = /^(\S+ (\S+?)\[([^\]]+)\]:)( .*)?$/s.exec(clean)
  if (!match) return clean
  const [, head = '', source = '', dyno = '', text = ''] = match
  return styled(terminal, styleOf(source, dyno), head) + (dyno === 'router' ? router(terminal, text) : text)
}

function styleOf(source: string, dyno: string): Style {
  if (source !== 'app' || PLATFORM.test(dyno)) return 'dim'
  let sum = 0
  for (const character of dyno) sum = (sum * 31 + character.charCodeAt(0)) >>> 0
  return DYNO_STYLES[sum % DYNO_STYLES.length]!
}

const router = (terminal: Context['terminal'], text: string) =>
  text.replace(/\b(at=error|code=H\d\d|status=[45]\d\d)\b/g, (found) => styled(terminal, 'red', found))
