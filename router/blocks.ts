const SMALLEST = 16 * 1024

/** Memory for what is on its way out: used again as soon as the kernel has it, which is mostly at once. One spare block of each size. */
export class Blocks {
  #spare = new Map<number, Buffer>()

  /** A block that begins with `text`, one character per byte, and bytes. Longer than they are. */
  fill(text: string, buf: Buffer, start: number, end: number): Buffer {
    const block = this.#take(text.length + end - start)
    buf.copy(block, block.write(text, 'latin1'), start, end)
    return block
  }

  /** Nobody needs it any more. */
  keep(block: Buffer): void {
    this.#spare.set(block.length, block)
  }

  #take(least: number): Buffer {
    let size = SMALLEST
    while (size < least) size *= 2
    const block = this.#spare.get(size)
    this.#spare.delete(size)
    return block ?? Buffer.allocUnsafeSlow(size)
  }
}
