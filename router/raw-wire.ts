import { connect, isIP, type Server } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { Blocks } from './blocks.ts'
import { Bulk, type BulkReader } from './bulk.ts'
import { hand, SocketWire, type Wire, type WireListener } from './wire.ts'

/**
 * TCP on the handles below net.Socket, as net.Socket itself uses them: no stream objects, no buffer per read, no tick per write. That is
 * two thirds of a request's cost. Node's inside is not a promise, so everything here has a way around it: `BINDING` is undefined where
 * a future Node has no such thing, and net.Socket serves.
 */
type Handle = {
  onread: (this: Handle) => void
  wire?: RawWire
  readonly writeQueueSize: number
  useUserBuffer(buf: Uint8Array): void
  readStart(): number
  readStop(): number
  writeLatin1String(req: WriteRequest, text: string): number
  writeBuffer(req: WriteRequest, buf: Buffer): number
  shutdown(req: { oncomplete: () => void }): number
  close(): void
  setNoDelay(on: boolean): number
  getpeername(out: { address?: string }): number
  connect(req: object, address: string, port: number): number
  connect6(req: object, address: string, port: number): number
}
type WriteRequest = {
  oncomplete?: (this: WriteRequest, status: number) => void
  wire?: RawWire | undefined
  /** What is written stays as it is until then. */
  block?: Buffer | undefined
}
type Binding = {
  TCP: { new (type: number): Handle }
  TCPConnectWrap: { new (): { oncomplete?: (status: number) => void } }
  WriteWrap: { new (): WriteRequest }
  ShutdownWrap: { new (): { oncomplete: () => void } }
  streamBaseState: Int32Array
  kReadBytesOrError: number
  kLastWriteWasAsync: number
}

const BINDING = findBinding()
const UV_EOF = -4095
const SOCKET = 0

function findBinding(): Binding | undefined {
  try {
    const bind = (process as unknown as { binding(name: string): object }).binding
    const found = { ...bind('stream_wrap'), ...bind('tcp_wrap') } as Partial<Binding>
    const { TCP, WriteWrap, ShutdownWrap, TCPConnectWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = found
    const isWhole = TCP && WriteWrap && ShutdownWrap && TCPConnectWrap && streamBaseState && 'useUserBuffer' in TCP.prototype
    return isWhole && kReadBytesOrError !== undefined && kLastWriteWasAsync !== undefined ? (found as Binding) : undefined
  } catch {
    return undefined
  }
}

/** One read buffer for all: what is in it is used up, or copied, before the next read. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024)
const blocks = new Blocks()
const bulk = new Bulk()
/** A request object whose write was done at once is as good as new. */
let spare: WriteRequest | undefined

class RawWire implements Wire, BulkReader {
  isBlocked = false
  #listener!: WireListener
  #pending = 0
  #isReading = false
  #isGivingWay = false
  #isClosed = false
  #hasEnded = false
  #hasShutDown = false
  #isShuttingDown = false
  #isBroken = false

  constructor(private readonly handle: Handle) {
    handle.wire = this
  }

  get address(): string | undefined {
    const out: { address?: string } = {}
    return this.handle.getpeername(out) === 0 ? out.address : undefined
  }

  backlog(): number {
    return this.#isClosed ? 0 : this.handle.writeQueueSize
  }

  open(listener: WireListener): void {
    this.#listener = listener
    this.handle.onread = onRead
    this.handle.useUserBuffer(READ_BUFFER)
    this.resume()
  }

  read(size: number): void {
    if (this.#isClosed) return
    if (size === READ_BUFFER.length) this.#giveWay()
    if (size > 0) return hand(this, this.#listener, READ_BUFFER, size)
    if (size === 0) return
    if (size !== UV_EOF) return this.#lose()
    this.#hasEnded = true
    this.pause()
    this.#listener.onEnd()
    if (this.#hasShutDown) this.#lose()
  }

  /** There may be much more, and libuv would read on up to 32 times: others have their turn first. */
  #giveWay(): void {
    this.#isGivingWay = true
    this.handle.readStop()
    bulk.wait(this)
  }

  readOn(): void {
    this.#isGivingWay = false
    if (this.#isReading) this.#start()
  }

  #start(): void {
    if (!this.#isClosed && this.handle.readStart() !== 0) this.#lose()
  }

  write(text: string, buf?: Buffer, start = 0, end = 0): void {
    if (this.#isClosed || this.#isShuttingDown || this.#isBroken) return
    const { handle } = this
    const req = spare ?? new BINDING!.WriteWrap()
    spare = undefined
    const block = buf && blocks.fill(text, buf, start, end)
    const error = block
      ? handle.writeBuffer(req, block.subarray(0, text.length + end - start))
      : handle.writeLatin1String(req, text)
    if (error !== 0) return this.#break()
    if (BINDING!.streamBaseState[BINDING!.kLastWriteWasAsync] === 0) {
      spare = req
      if (block) blocks.keep(block)
      return
    }
    req.oncomplete = onWritten
    req.wire = this
    req.block = block
    this.#pending += 1
    this.isBlocked = true
  }

  written(status: number): void {
    this.#pending -= 1
    if (this.#isClosed) return
    if (status < 0) return this.#break()
    if (this.#pending > 0) return
    this.isBlocked = false
    this.#listener.onDrain()
  }

  #break(): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.isBlocked = false
    // Not within the writer's own call: it does not expect to lose its connection there.
    process.nextTick(() => this.#isClosed || this.#listener.onWriteError())
  }

  pause(): void {
    if (!this.#isReading || this.#isClosed) return
    this.#isReading = false
    this.handle.readStop()
  }

  resume(): void {
    if (this.#isReading || this.#isClosed || this.#hasEnded) return
    this.#isReading = true
    if (!this.#isGivingWay) this.#start()
  }

  end(): void {
    if (this.#isClosed || this.#isShuttingDown) return
    this.#isShuttingDown = true
    const req = new BINDING!.ShutdownWrap()
    req.oncomplete = () => {
      this.#hasShutDown = true
      if (this.#hasEnded) this.#lose()
    }
    if (this.handle.shutdown(req) !== 0) this.#lose()
  }

  destroy(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.handle.close()
  }

  /** Closed by what happened, not by the listener, which therefore hears of it. */
  #lose(): void {
    if (this.#isClosed) return
    this.destroy()
    process.nextTick(() => this.#listener.onClose())
  }
}

function onRead(this: Handle): void {
  this.wire!.read(BINDING!.streamBaseState[BINDING!.kReadBytesOrError]!)
}

function onWritten(this: WriteRequest, status: number): void {
  const { wire, block } = this
  this.wire = undefined
  this.block = undefined
  if (block) blocks.keep(block)
  wire!.written(status)
}

/** A connection was accepted that is none of `acceptWires`. */
export const noteArrival = (): void => bulk.arrived()

type Inner = Server & {
  _handle?: Pick<Handle, 'setNoDelay'> & { onconnection?: (error: number, handle: Handle | undefined) => void }
}

/** Takes a server's connections, now or once it listens. */
export function acceptWires(server: Server, onWire: (wire: Wire) => void): void {
  server.on('connection', (socket) => onWire(new SocketWire(socket)))
  const take = () => {
    const inner = (server as Inner)._handle
    if (!BINDING || typeof inner?.onconnection !== 'function') return
    // Connections inherit it, which is a system call less for each.
    inner.setNoDelay(true)
    inner.onconnection = (error, handle) => {
      bulk.arrived()
      if (!error && handle) onWire(new RawWire(handle))
    }
  }
  if (server.listening) take()
  else server.on('listening', take)
}

/** Connects. `done` is called once, with the connection or an error's code ("ECONNREFUSED"), unless the returned function came first. */
export function dialWire(host: string, port: number, done: (result: Wire | string) => void): () => void {
  const family = isIP(host)
  if (!BINDING || family === 0) return dialSocket(host, port, done)
  const handle = new BINDING.TCP(SOCKET)
  handle.setNoDelay(true)
  const req = new BINDING.TCPConnectWrap()
  let isOver = false
  const end = (result?: Wire | string) => {
    if (isOver) return
    isOver = true
    if (result === undefined || typeof result === 'string') handle.close()
    if (result !== undefined) done(result)
  }
  req.oncomplete = (status) => end(status === 0 ? new RawWire(handle) : getSystemErrorName(status))
  const error = family === 6 ? handle.connect6(req, host, port) : handle.connect(req, host, port)
  if (error !== 0) process.nextTick(end, getSystemErrorName(error))
  return () => end()
}

function dialSocket(host: string, port: number, done: (result: Wire | string) => void): () => void {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true })
  const fail = (error: NodeJS.ErrnoException) => done(error.code ?? 'ECONNREFUSED')
  socket.once('error', fail)
  socket.once('connect', () => {
    socket.removeListener('error', fail)
    done(new SocketWire(socket))
  })
  return () => {
    socket.removeListener('error', fail)
    socket.on('error', () => {})
    socket.destroy()
  }
}
