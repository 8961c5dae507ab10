import { useRef, useState } from "preact/hooks";
import { type ApiError, asApiError } from "../shared/errors";
import { CheckIcon, CloseIcon } from "../shared/icons";
import type { Assistant } from "../shared/types";
import type { AdminApi } from "./admin";

interface Props {
  admin: AdminApi;
  assistant: Assistant;
  changed(assistant: Assistant): void;
}

/** The tag that puts the assistant on a site, and the sites that may use it. */
export function ShareTag({ admin, assistant, changed }: Props) {
  const tag = `<script src="${location.origin}/widget.js" data-assistant="${assistant.public_token}" defer></script>`;
  const [copied, setCopied] = useState(false);
  const [origin, setOrigin] = useState("");
  const [error, setError] = useState<string | null>(null);
  const code = useRef<HTMLTextAreaElement>(null);
  const local = /^(localhost|127\.|\[::1\])/.test(location.hostname);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(tag);
    } catch {
      code.current?.select();
      document.execCommand("copy");
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 2500);
  };
  const save = async (allowed_origins: string[]) => {
    setError(null);
    try {
      changed(await admin.change(assistant.id, { allowed_origins }));
      return true;
    } catch (thrown) {
      const problem: ApiError = asApiError(thrown);
      setError(`${problem.message} ${problem.hint ?? ""}`);
      return false;
    }
  };
  const allow = async () => {
    const wanted = originOf(origin);
    if (wanted === null)
      setError("Write the site's address as the browser shows it, such as https://www.example.com.");
    else if (
      assistant.allowed_origins.includes(wanted) ||
      (await save([...assistant.allowed_origins, wanted]))
    )
      setOrigin("");
  };

  return (
    <section class="card" aria-labelledby="share-title">
      <h2 id="share-title">Put it on your site</h2>
      <ol class="steps">
        <li>
          <label for="origin">Say which sites may use it.</label>
          <ul class="plain tags" aria-label="Allowed sites">
            {assistant.allowed_origins.map((one) => (
              <li key={one}>
                <bdi>{one}</bdi>
                <button
                  type="button"
                  class="quiet"
                  aria-label={`Remove ${one}`}
                  title="Remove"
                  onClick={() => void save(assistant.allowed_origins.filter((other) => other !== one))}
                >
                  <CloseIcon />
                </button>
              </li>
            ))}
          </ul>
          <form
            class="row"
            onSubmit={(event) => {
              event.preventDefault();
              void allow();
            }}
          >
            <input
              id="origin"
              class="field"
              type="text"
              inputMode="url"
              autocomplete="off"
              spellcheck={false}
              placeholder="https://www.example.com"
              value={origin}
              aria-describedby="origin-help"
              onInput={(event) => setOrigin(event.currentTarget.value)}
            />
            <button type="submit" class="button">
              Allow this site
            </button>
          </form>
          <p id="origin-help" class={error ? "bad" : "note"} role={error ? "alert" : undefined}>
            {error ?? "Browsers on any other site are refused."}
          </p>
        </li>
        <li>
          <label for="tag">Paste this tag into its pages, before &lt;/body&gt;.</label>
          <div class="tag">
            <textarea
              id="tag"
              ref={code}
              readOnly
              rows={3}
              spellcheck={false}
              value={tag}
              onFocus={(e) => e.currentTarget.select()}
            />
            <button type="button" class="button main" onClick={() => void copy()}>
              {copied ? (
                <>
                  <CheckIcon /> Copied
                </>
              ) : (
                "Copy the tag"
              )}
            </button>
            <span class="hidden" role="status">
              {copied ? "The tag was copied." : ""}
            </span>
          </div>
          {local && (
            <p class="note">
              This address answers on this machine only. Once Freehold has a public name, put that name into
              the tag.
            </p>
          )}
        </li>
      </ol>
    </section>
  );
}

/** `https://host[:port]` of what was typed; null when it is no web address. */
export function originOf(typed: string): string | null {
  const text = typed.trim();
  if (text === "") return null;
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
    return url.protocol === "http:" || url.protocol === "https:" ? url.origin : null;
  } catch {
    return null;
  }
}
