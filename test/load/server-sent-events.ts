/** The data fields of a stream of events, one at a time. */
export async function* eventsOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    buffer += decoder.decode(bytes, { stream: true });
    const events = buffer.split('\n\n');
    buffer = events.pop() as string;
    for (const event of events) {
      const at = event.indexOf('data: ');
      if (at >= 0) yield event.slice(at + 6);
    }
  }
}
