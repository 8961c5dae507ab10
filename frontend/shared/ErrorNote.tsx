import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "./errors";
import { WarnIcon } from "./icons";

interface Props {
  error: ApiError;
  retry?: () => void;
  label?: string;
}

/** What went wrong, what to do, and the way out; waits as long as the server asked. */
export function ErrorNote({ error, retry, label = "Try again" }: Props) {
  const [left, setLeft] = useState(error.retryAfter ?? 0);
  useEffect(() => {
    setLeft(error.retryAfter ?? 0);
    if (!error.retryAfter) return;
    const timer = setInterval(() => setLeft((seconds) => Math.max(0, seconds - 1)), 1000);
    return () => clearInterval(timer);
  }, [error]);

  return (
    <div class="error-note">
      <WarnIcon />
      <div>
        <p>
          <strong>{error.message}</strong> {error.hint}
        </p>
        {retry && (
          <button type="button" class="button small" disabled={left > 0} onClick={retry}>
            {left > 0 ? `${label} in ${left} s` : label}
          </button>
        )}
      </div>
    </div>
  );
}
