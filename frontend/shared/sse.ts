/** One event of a server-sent stream; `event` is "message" where the server named none. */
export interface ServerEvent {
  event: string;
  data: string;
}

/**
 * Reads a server-sent event stream piece by piece, however the pieces are cut.
 * Knows nothing of fetch, of JSON or of what the events mean.
 */
export class EventParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private afterCarriageReturn = false;
  private started = false;

  /** Takes the next piece of text and returns the events that it completes. */
  push(piece: string): ServerEvent[] {
    if (!this.started && piece !== "") {
      this.started = true;
      if (piece.startsWith("\uFEFF")) piece = piece.slice(1);
    }
    if (this.afterCarriageReturn && piece !== "") {
      this.afterCarriageReturn = false;
      if (piece.startsWith("\n")) piece = piece.slice(1);
    }
    const events: ServerEvent[] = [];
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (code !== 10 && code !== 13) continue;
      const event = this.line(this.rest + piece.slice(start, at));
      this.rest = "";
      if (event) events.push(event);
      if (code === 13) {
        if (at + 1 === piece.length) this.afterCarriageReturn = true;
        else if (piece.charCodeAt(at + 1) === 10) at++;
      }
      start = at + 1;
    }
    this.rest += piece.slice(start);
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === "") {
      const event = this.data.length ? { event: this.event || "message", data: this.data.join("\n") } : null;
      this.event = "";
      this.data = [];
      return event;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    return null;
  }
}

/** The events of a response body, in order; ends with the body, throws what reading it throws. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
