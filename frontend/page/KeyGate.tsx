import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, asApiError } from "../shared/errors";
import { adminApi } from "./admin";

interface Props {
  /** What the key will be used for as soon as it is known. */
  purpose: string;
  accepted(key: string): void;
  cancel?: (() => void) | undefined;
}

/** Asks for the admin key and tries it. */
export function KeyGate({ purpose, accepted, cancel }: Props) {
  const [key, setKey] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [trying, setTrying] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);

  const attempt = async () => {
    const given = key.trim();
    if (given === "" || trying) return;
    setTrying(true);
    setError(null);
    try {
      await adminApi(given).status();
      accepted(given);
    } catch (thrown) {
      setError(asApiError(thrown));
      field.current?.select();
    } finally {
      setTrying(false);
    }
  };

  return (
    <section class="card gate" aria-labelledby="gate-title">
      <h2 id="gate-title">The admin key, once</h2>
      <p>
        {purpose} needs the admin key. The terminal printed it when Freehold started for the first time; it
        begins with <code>fh_admin_</code>.
      </p>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          void attempt();
        }}
      >
        <label class="hidden" for="admin-key">
          Admin key
        </label>
        <input
          ref={field}
          id="admin-key"
          class="field"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="fh_admin_…"
          value={key}
          aria-invalid={error !== null}
          aria-describedby="gate-help"
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <button type="submit" class="button main" disabled={trying}>
          {trying ? "Checking…" : "Go on"}
        </button>
        {cancel && (
          <button type="button" class="button" onClick={cancel}>
            Cancel
          </button>
        )}
      </form>
      <p class={error ? "bad" : "note"} id="gate-help" role={error ? "alert" : undefined}>
        {error
          ? error.status === 401 || error.status === 403
            ? "This is not an admin key of this server. Copy it again from the terminal, without spaces."
            : `${error.message} ${error.hint ?? ""}`
          : "It is kept in this tab only, and forgotten when you close it."}
      </p>
    </section>
  );
}
