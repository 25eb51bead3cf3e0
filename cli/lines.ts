/** Lines of a stream of bytes, without their ends; the last one also when it has none. A line is cut at 100,000 characters. */
export async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
    if (rest.length > 100_000) {
      yield rest
      rest = ''
    }
  }
  rest += decoder.decode()
  if (rest) yield rest
}
