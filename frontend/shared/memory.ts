/** What one browser remembers of its conversation with one assistant. */
export interface Remembered {
  visitor: string;
  /** Null between two conversations. */
  conversation: string | null;
}

/** Keeps small values by name; where the browser forbids it, for as long as the page lives. */
export class Memory {
  private readonly fallback = new Map<string, string>();

  constructor(
    private readonly storage: () => Storage,
    private readonly prefix: string,
  ) {}

  get(name: string): string | null {
    try {
      return this.storage().getItem(this.prefix + name) ?? this.fallback.get(name) ?? null;
    } catch {
      return this.fallback.get(name) ?? null;
    }
  }

  set(name: string, value: string | null): void {
    if (value === null) this.fallback.delete(name);
    else this.fallback.set(name, value);
    try {
      if (value === null) this.storage().removeItem(this.prefix + name);
      else this.storage().setItem(this.prefix + name, value);
    } catch {
      // Storage is forbidden or full: the fallback holds it.
    }
  }
}

/** The visitor and conversation kept for an assistant; null when there are none or they cannot be read. */
export function recall(memory: Memory): Remembered | null {
  try {
    const kept: unknown = JSON.parse(memory.get("chat") ?? "null");
    if (typeof kept !== "object" || kept === null) return null;
    const { visitor, conversation } = kept as Record<string, unknown>;
    if (typeof visitor !== "string") return null;
    return { visitor, conversation: typeof conversation === "string" ? conversation : null };
  } catch {
    return null;
  }
}

export function remember(memory: Memory, kept: Remembered | null): void {
  memory.set("chat", kept === null ? null : JSON.stringify(kept));
}
