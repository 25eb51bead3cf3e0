export type SseEvent = { id: string | undefined; data: string }

/**
 * Server-sent events out of text chunks (WHATWG HTML, 9.2.6): feed it chunks as they come, get the events that are complete.
 * Comments, `event:` and `retry:` are passed over.
 */
export function sseParser(): (chunk: string) => SseEvent[] {
  let rest = ''
  let data: string[] = []
  let id: string | undefined
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    const events: SseEvent[] = []
    for (const line of lines) {
      if (line === '') {
        if (data.length) events.push({ id, data: data.join('\n') })
        data = []
      } else {
        const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
        if (field === 'data') data.push(value)
        if (field === 'id') id = value
      }
    }
    return events
  }
}
