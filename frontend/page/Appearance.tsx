import { useEffect, useState } from "preact/hooks";
import { asApiError } from "../shared/errors";
import type { Assistant } from "../shared/types";
import type { AdminApi } from "./admin";

interface Props {
  admin: AdminApi;
  assistant: Assistant;
  changed(assistant: Assistant): void;
}

const DEFAULT_ACCENT = "#17694c";

/** The assistant's name, greeting and colour. */
export function Appearance({ admin, assistant, changed }: Props) {
  const [name, setName] = useState(assistant.name);
  const [greeting, setGreeting] = useState(assistant.greeting);
  const [accent, setAccent] = useState(assistant.accent ?? DEFAULT_ACCENT);
  const [says, setSays] = useState<{ text: string; bad: boolean } | null>(null);
  useEffect(() => {
    setName(assistant.name);
    setGreeting(assistant.greeting);
    setAccent(assistant.accent ?? DEFAULT_ACCENT);
  }, [assistant.id]);

  const save = async () => {
    try {
      changed(
        await admin.change(assistant.id, {
          name: name.trim() || assistant.name,
          greeting: greeting.trim(),
          accent,
        }),
      );
      setSays({ text: "Saved.", bad: false });
    } catch (thrown) {
      const { message, hint } = asApiError(thrown);
      setSays({ text: `${message} ${hint ?? ""}`, bad: true });
    }
  };

  return (
    <section class="card" aria-labelledby="looks-title">
      <h2 id="looks-title">Name and greeting</h2>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label for="looks-name">Name</label>
        <input
          id="looks-name"
          class="field"
          dir="auto"
          maxLength={80}
          value={name}
          onInput={(e) => setName(e.currentTarget.value)}
        />
        <label for="looks-greeting">Greeting</label>
        <textarea
          id="looks-greeting"
          class="field"
          dir="auto"
          rows={2}
          maxLength={500}
          value={greeting}
          onInput={(e) => setGreeting(e.currentTarget.value)}
        />
        <label for="looks-accent">Colour</label>
        <input
          id="looks-accent"
          type="color"
          value={accent}
          onInput={(e) => setAccent(e.currentTarget.value)}
        />
        <div class="row">
          <button type="submit" class="button">
            Save
          </button>
          <span class={says?.bad ? "bad" : "note"} role="status">
            {says?.text}
          </span>
        </div>
      </form>
    </section>
  );
}
