/** Why something asked of the server did not happen, in words that can be shown. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
    readonly status = 0,
    /** Seconds until trying again makes sense, where the server said so. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** The conversation or the visitor is unknown to the server: begin anew. */
  get gone(): boolean {
    return this.status === 401 || this.status === 404;
  }
}

export const unreachable = () =>
  new ApiError("unreachable", "The assistant cannot be reached.", "Check your connection, then try again.");

export const interrupted = () =>
  new ApiError("interrupted", "The connection broke off before the answer was complete.", "Try again.");

/** What the server said in its one shape of error, or the best that can be said without it. */
export async function errorOf(response: Response): Promise<ApiError> {
  const retryAfter = seconds(response.headers.get("Retry-After"));
  try {
    const body: unknown = await response.json();
    const error = fieldsOf(fieldsOf(body)["error"]);
    if (typeof error["message"] === "string")
      return new ApiError(
        String(error["code"]),
        error["message"],
        typeof error["hint"] === "string" ? error["hint"] : null,
        response.status,
        retryAfter,
      );
  } catch {
    // Not JSON: a proxy answered in Freehold's place.
  }
  return new ApiError(
    "http",
    `The server answered ${response.status}.`,
    "Try again.",
    response.status,
    retryAfter,
  );
}

/** Whatever was thrown, as something that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return error instanceof TypeError ? unreachable() : interrupted();
}

export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function seconds(header: string | null): number | null {
  if (header === null || !/^\d+$/.test(header.trim())) return null;
  return Math.min(Number(header), 3600);
}
