import { CODES, type Code } from './codes.ts'

/** `fields`: further header lines, each with its CRLF. */
export type Page = { type: string; body: string; fields?: string }

/** Addresses of an app's own pages. */
export type Pages = { error?: string; maintenance?: string }

/** The page of a router error: code, request id, one line of help, or the app's own in a frame. JSON when the client prefers it. */
export function errorPage(code: Code, requestId: string, accept: string, pages: Pages = {}): Page {
  const url = code === 'H80' ? pages.maintenance : pages.error
  if (url !== undefined && !prefersJson(accept)) return framed({ code, title: CODES[code].desc, url, requestId })
  return page({ code, title: CODES[code].desc, help: CODES[code].help, requestId, accept })
}

/** For what an app's settings refuse: bodies above max-body (413), requests above rate-limit (429). */
export function refusalPage(
  why: 'large' | { retryS: number },
  requestId: string,
  accept: string,
): { status: number; page: Page } {
  const about = { requestId, accept }
  if (why === 'large') {
    const help = 'This app takes smaller requests only.'
    return { status: 413, page: page({ code: 'too_large', title: 'Request body too large', help, ...about }) }
  }
  const help = `This app takes no more requests just now. Try again in ${why.retryS} s.`
  const made = page({ code: 'too_many', title: 'Too many requests', help, ...about })
  return { status: 429, page: { ...made, fields: `Retry-After: ${why.retryS}\r\n` } }
}

type Framed = { code: Code; title: string; url: string; requestId: string }

/** As Heroku does it: the browser fetches the page, the router never does, so that its address can lead nowhere that the visitor could not go. */
function framed({ code, title, url, requestId }: Framed): Page {
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>html,body,iframe{margin:0;padding:0;width:100%;height:100%;border:0}html,body{overflow:hidden}</style></head>
<body><!-- ${code} ${escapeHtml(requestId)} --><iframe src="${escapeHtml(url)}"></iframe></body></html>
`
  return { type: 'text/html; charset=utf-8', body }
}

/** The page for a host that no app has. */
export const unknownHostPage = (host: string, requestId: string, accept: string): Page =>
  page({
    code: 'unknown_host',
    title: 'There is no app at this address',
    help: `No app has the host name ${host}. Its owner can add it with "dozen domains:add".`,
    requestId,
    accept,
  })

type Words = { code: string; title: string; help: string; requestId: string; accept: string }

function page({ code, title, help, requestId, accept }: Words): Page {
  if (prefersJson(accept)) {
    return {
      type: 'application/json',
      body: `${JSON.stringify({ id: code, message: `${title}. ${help}`, request_id: requestId })}\n`,
    }
  }
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em}small{color:#666}</style></head>
<body><h1>${escapeHtml(title)}</h1><p>${escapeHtml(help)}</p><p><small>${escapeHtml(code)} · ${escapeHtml(requestId)}</small></p></body></html>
`
  return { type: 'text/html; charset=utf-8', body }
}

/** RFC 9110 section 12.5.1, for the two types on offer; HTML when they are equal. */
export function prefersJson(accept: string): boolean {
  const quality = (type: string, range: string) => {
    let best = { rank: -1, q: 0 }
    for (const item of accept.toLowerCase().split(',')) {
      const [name = '', ...parameters] = item.split(';').map((part) => part.trim())
      const rank = name === type ? 2 : name === range ? 1 : name === '*/*' ? 0 : -1
      const q = Number(parameters.find((p) => p.startsWith('q='))?.slice(2) ?? 1)
      if (rank > best.rank) best = { rank, q: Number.isNaN(q) ? 0 : q }
    }
    return best.q
  }
  return accept !== '' && quality('application/json', 'application/*') > quality('text/html', 'text/*')
}

const HTML = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' } as const
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (char) => HTML[char as keyof typeof HTML])
