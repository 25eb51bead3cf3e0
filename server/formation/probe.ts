import http from 'node:http'
import { connect } from 'node:net'

/** What a process is asked: that it accepts a connection, and with a path that it answers GET with 2xx or 3xx. */
export type Question = { address: string; path: string | null; timeoutMs: number; host: string }

/** undefined = well, else what was wrong, to be read after "the health check": "GET /health answered 500". */
export function probe({ address, path, timeoutMs, host }: Question): Promise<string | undefined> {
  const at = address.lastIndexOf(':')
  const where = { host: address.slice(0, at), port: Number(address.slice(at + 1)) }
  return path === null ? accepts(where, timeoutMs) : answers(where, { path, timeoutMs, host })
}

function accepts(where: { host: string; port: number }, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...where, timeout: timeoutMs })
    const end = (result: string | undefined) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => end(undefined))
    socket.once('timeout', () => end(`port ${where.port} did not accept a connection within ${timeoutMs / 1000} s`))
    socket.once('error', () => end(`port ${where.port} refused the connection`))
  })
}

function answers(
  where: { host: string; port: number },
  { path, timeoutMs, host }: Pick<Question, 'timeoutMs' | 'host'> & { path: string },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = { host, 'user-agent': 'dozen health check', 'x-forwarded-proto': 'https', connection: 'close' }
    const signal = AbortSignal.timeout(timeoutMs)
    const request = http.get({ ...where, path, headers, agent: false, signal }, (answer) => {
      answer.destroy()
      const status = answer.statusCode ?? 0
      resolve(status >= 200 && status < 400 ? undefined : `GET ${path} answered ${status}`)
    })
    request.on('error', () => resolve(signal.aborted ? `GET ${path} did not answer within ${timeoutMs / 1000} s` : `GET ${path} was not answered`)) // prettier-ignore
  })
}
